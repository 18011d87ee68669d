from __future__ import annotations

import numpy as np
import pytest

from seglens.functional.contours import ContourClicks, contour_clicks
from seglens.types import IGNORE


def scene(height: int = 24, width: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """One class, and a region that leaves the image's first row out, so that it is not a whole image."""
    region = np.ones((height, width), bool)
    region[0] = False
    return np.zeros((height, width), np.uint8), region


def test_one_class_takes_one_click():
    answer, region = scene()
    assert contour_clicks(answer, region) == ContourClicks(0, 0, 1)


def test_a_line_across_meets_the_frame_twice_from_each_side():
    answer, region = scene()
    answer[:, 15:] = 1
    assert contour_clicks(answer, region) == ContourClicks(0, 4, 2)


def test_an_island_has_its_corners_twice_as_outline_and_as_hole():
    answer, region = scene()
    answer[8:16, 10:20] = 1
    assert contour_clicks(answer, region) == ContourClicks(8, 0, 2)


def test_a_bay_has_two_corners_and_two_crossings_from_each_side():
    answer, region = scene()
    answer[8:16, 20:] = 1
    assert contour_clicks(answer, region) == ContourClicks(4, 4, 2)


def test_a_whole_image_is_vertices_and_one_a_segment():
    answer, region = scene()
    region[0] = True
    assert contour_clicks(answer, region) == ContourClicks(4, 0, 1)
    answer[:, 15:] = 1
    found = contour_clicks(answer, region)
    assert found == ContourClicks(8, 0, 2)
    assert found.total == 10


def test_two_parts_of_one_class_are_two_segments():
    answer, region = scene()
    answer[4:8, 4:8] = answer[14:20, 20:26] = 1
    assert contour_clicks(answer, region) == ContourClicks(16, 0, 3)


def test_void_is_left_undrawn():
    answer, region = scene()
    answer[:] = IGNORE
    assert contour_clicks(answer, region) == ContourClicks(0, 0, 0)
    answer[8:16, 10:20] = 1
    assert contour_clicks(answer, region) == ContourClicks(4, 0, 1)


def test_what_lies_outside_the_region_does_not_matter():
    answer, _ = scene()
    region = np.zeros(answer.shape, bool)
    region[5:15, 5:15] = True
    answer[:, 10:] = 1
    before = contour_clicks(answer, region)
    answer[~region] = 7
    assert contour_clicks(answer, region) == before == ContourClicks(0, 4, 2)


def test_a_looser_polygon_takes_fewer_clicks():
    y, x = np.mgrid[:60, :60]
    answer = ((y - 30) ** 2 + (x - 30) ** 2 < 20**2).astype(np.uint8)
    region = np.ones(answer.shape, bool)
    clicks = [contour_clicks(answer, region, tolerance).total for tolerance in (0.25, 1.0, 4.0)]
    assert clicks[0] > clicks[1] > clicks[2]
    assert contour_clicks(answer, region, 1.0) == contour_clicks(answer.copy(), region.copy(), 1.0)


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match="differ"):
        contour_clicks(np.zeros((3, 3), np.uint8), np.ones((3, 4), bool))
