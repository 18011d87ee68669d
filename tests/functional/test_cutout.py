from __future__ import annotations

import time

import numpy as np
import pytest

from seglens.functional.cutout import cut_out

SIZE = (512, 1024)


def scene() -> tuple[np.ndarray, np.ndarray]:
    """A noisy image with an ellipse of another colour, and the ellipse."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    inside = ((y - 200) / 60) ** 2 + ((x - 400) / 90) ** 2 < 1
    image = np.where(inside[..., None], (170, 90, 60), (70, 110, 120)).astype(float)
    image += np.random.default_rng(0).normal(0, 14, image.shape)
    return image.clip(0, 255).astype(np.uint8), inside


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_a_click_finds_what_lies_around_it_within_a_second() -> None:
    image, truth = scene()
    cut_out(image[:64, :64], [(30, 30)])  # what is loaded at the first call is not counted
    begun = time.process_time()
    found = cut_out(image, [(200, 400)])
    assert time.process_time() - begun < 1.0
    assert iou(found, truth) > 0.9


def test_marks_are_kept_and_move_the_edge() -> None:
    image, truth = scene()
    found = cut_out(image, [(200, 400), (300, 400)], [(240, 400)])
    assert found[200, 400]
    assert found[300, 400]
    assert not found[240, 400]
    assert iou(found, truth) < iou(cut_out(image, [(200, 400)]), truth)


def test_a_box_alone_is_enough_and_nothing_leaves_it() -> None:
    image, truth = scene()
    found = cut_out(image, [], box=(130, 300, 270, 500))
    assert iou(found, truth) > 0.9
    assert not found[:130].any()
    assert not found[:, 500:].any()


def test_the_prediction_shows_edges_that_colours_do_not() -> None:
    grey = np.full((*SIZE, 3), 120, np.uint8)
    prediction = np.zeros((64, 128), np.uint8)
    prediction[20:32, 40:60] = 1
    truth = np.kron(prediction, np.ones((8, 8))) > 0
    found = cut_out(grey, [(200, 400)], prediction=prediction)
    assert iou(found, truth) > 0.85
    assert iou(cut_out(grey, [(200, 400)]), truth) < iou(found, truth)


@pytest.mark.parametrize("place", [(0, 0), (511, 1023), (0, 500), (511, 3)])
def test_corners_and_edges_of_the_image_can_be_clicked(place: tuple[int, int]) -> None:
    image, _ = scene()
    found = cut_out(image, [place])
    assert found.shape == SIZE
    assert found[place]


def test_tiny_images_and_boxes_work() -> None:
    chance = np.random.default_rng(1)
    for shape in ((1, 1), (1, 9), (2, 2), (5, 3)):
        image = chance.integers(0, 256, (*shape, 3), np.uint8)
        assert cut_out(image, [(0, 0)])[0, 0]
        assert cut_out(image, [], box=(0, 0, 1, 1)).shape == shape
    with pytest.raises(ValueError, match="a place inside or a box"):
        cut_out(image, [])
