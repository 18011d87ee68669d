from __future__ import annotations

import numpy as np
import pytest
import torch
from arrays import make_world

import seglens.acquisition  # noqa: F401 - registers the parts
from seglens.acquisition.rows import reduce_rows
from seglens.config import PartConfig
from seglens.functional.windows import region_kernel
from seglens.protocols import Sized
from seglens.registry import cuts
from seglens.types import Chance, PixelScore, SeglensError

CHANCE = Chance((0, 1, "cut"))
NATIVE, SIZE = (40, 56), (20, 28)


def cut_of(tmp_path, world, **params):
    return cuts.build(PartConfig(name="gaussian-window", **params), world.context(tmp_path))


def scored(value, asked=None, native=NATIVE):
    """A world of one image with its score and what was asked of it, at the model's size."""
    world = make_world(1, native=native, size=value.shape)
    ev = world.evidence(world.ids)
    if asked is not None:
        ev.answered[0] = torch.from_numpy(asked)
    group = torch.zeros(1, *value.shape, dtype=torch.long)
    return world, ev, PixelScore(torch.from_numpy(value)[None], group, classes=5)


def brute_force(value, asked, side, kernel, normalise, most):
    """(corner, value) of each window: every place weighed by a loop, one sweep over them a pick."""
    weight = region_kernel(kernel, side).numpy()
    height, width = (length - side + 1 for length in value.shape)
    response = np.full((height, width), -np.inf)
    for y in range(height):
        for x in range(width):
            inside = np.s_[y : y + side, x : x + side]
            free = ~asked[inside]
            if free.any():
                whole = (weight * free).sum() if normalise else weight.sum()
                response[y, x] = (weight * free * value[inside]).sum() / whole
    found = []
    while len(found) < most and np.isfinite(response.max()):
        y, x = np.unravel_index(response.argmax(), response.shape)
        found.append(((y, x), response[y, x]))
        response[max(0, y - side + 1) : y + side, max(0, x - side + 1) : x + side] = -np.inf
    return found


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kernel", ["cumulative", "literal", "box"])
@pytest.mark.parametrize("normalise", [False, True])
def test_windows_are_those_of_brute_force(seed, kernel, normalise, tmp_path):
    rng = np.random.default_rng(seed)
    value = rng.random(SIZE).astype(np.float32)
    asked = np.zeros(SIZE, bool)
    if seed:
        asked[2:9, 3:17] = True
        asked |= rng.random(SIZE) < 0.1
    world, ev, px = scored(value, asked)
    cut = cut_of(tmp_path, world, height_fraction=0.25, kernel=kernel, normalise=normalise)
    (found,) = cut.regions(px, ev, CHANCE)
    expected = brute_force(value, asked, 5, kernel, normalise, 20 * 28 // 25)
    assert found.count == len(expected) > 3
    np.testing.assert_allclose(found.values, [response for _, response in expected], rtol=1e-5)
    drawn = np.full(SIZE, -1)
    for number, ((y, x), _) in enumerate(expected):
        drawn[y : y + 5, x : x + 5] = number
    drawn[asked] = -1
    assert np.array_equal(found.labels, drawn.repeat(2, 0).repeat(2, 1))
    assert found.labels.dtype == np.int32


@pytest.mark.parametrize("native", [(41, 57), (30, 42), (20, 28), (53, 40)])
def test_windows_of_other_sizes_never_touch_what_was_asked_and_what_they_ask_is_found_again(native, tmp_path):
    rng = np.random.default_rng(0)
    world, ev, px = scored(rng.random(SIZE).astype(np.float32), native=native)
    cut = cut_of(tmp_path, world, height_fraction=0.2)
    asked = np.zeros(native, bool)
    middle = [((np.arange(n) + 0.5) * large / n).astype(int) for n, large in zip(SIZE, native, strict=True)]
    for _ in range(6):
        (found,) = cut.regions(px, ev, CHANCE)
        best = found.labels == 0
        assert not (asked & best).any()
        assert best.sum() <= cut.question_pixels(native)
        asked |= best
        ev.answered[0] = torch.from_numpy(asked[np.ix_(*middle)])  # as evidence samples it
    assert asked.sum() > 5 * 0.8 * cut.question_pixels(native)


def test_values_are_mean_scores_and_stand_in_the_rows(tmp_path):
    value = np.full(SIZE, 0.4, np.float32)
    value[:10] = 0
    world, ev, px = scored(value)
    ev.answered[0, :10] = True
    for kernel in ("cumulative", "literal", "box"):
        (found,) = cut_of(tmp_path, world, kernel=kernel, height_fraction=0.5).regions(px, ev, CHANCE)
        assert found.values[0] == pytest.approx(0.4, rel=1e-5)
        rows = reduce_rows(px, [found], [None], SIZE)
        assert np.array_equal(rows.arrays["value"], found.values)
    value = np.zeros(SIZE, np.float32)
    value[:5, :5] = 1
    world, ev, px = scored(value)
    ev.answered[0, :, :3] = True  # two columns of five are left
    for normalise, expected in ((False, 0.4), (True, 1.0)):
        cut = cut_of(tmp_path, world, kernel="box", height_fraction=0.25, normalise=normalise)
        (found,) = cut.regions(px, ev, CHANCE)
        assert found.values[0] == pytest.approx(expected, rel=1e-5)


def test_numbers_go_from_best_to_worst_and_candidates_end_them(tmp_path):
    value = np.random.default_rng(3).random(SIZE).astype(np.float32)
    world, ev, px = scored(value)
    (whole,) = cut_of(tmp_path, world).regions(px, ev, CHANCE)
    (few,) = cut_of(tmp_path, world, candidates=4).regions(px, ev, CHANCE)
    assert (np.diff(whole.values) <= 0).all()
    assert whole.count > few.count == 4
    assert np.array_equal(few.labels, np.where(whole.labels < 4, whole.labels, -1))


def test_the_middle_counts_more_than_the_corners(tmp_path):
    """The Gaussian kernel centres a lone peak; a box is indifferent to where in the window it lies."""
    value = np.zeros(SIZE, np.float32)
    value[11, 15] = 1
    world, ev, px = scored(value)
    (found,) = cut_of(tmp_path, world, height_fraction=0.25, candidates=1).regions(px, ev, CHANCE)
    assert np.array_equal(np.argwhere(found.labels == 0)[[0, -1]], [[18, 26], [27, 35]])  # cells 9..13, 13..17
    (flat,) = cut_of(tmp_path, world, height_fraction=0.25, candidates=1, kernel="box").regions(px, ev, CHANCE)
    assert flat.labels[22, 30] == 0
    assert flat.labels[23, 31] == 0


def test_nothing_is_left_where_all_was_asked(tmp_path):
    for value in (np.ones(SIZE, np.float32), np.random.default_rng(0).random(SIZE).astype(np.float32)):
        world, ev, px = scored(value, np.ones(SIZE, bool))
        for normalise in (False, True):
            (found,) = cut_of(tmp_path, world, normalise=normalise).regions(px, ev, CHANCE)
            assert found.count == 0
            assert (found.labels == -1).all()


def test_a_last_pixel_is_one_window(tmp_path):
    asked = np.ones(SIZE, bool)
    asked[19, 0] = False
    world, ev, px = scored(np.random.default_rng(0).random(SIZE).astype(np.float32), asked)
    for normalise in (False, True):
        (found,) = cut_of(tmp_path, world, normalise=normalise).regions(px, ev, CHANCE)
        assert found.count == 1
        assert np.argwhere(found.labels == 0).tolist() == [[38, 0], [38, 1], [39, 0], [39, 1]]


def test_an_image_smaller_than_the_models_size_keeps_windows_that_have_pixels(tmp_path):
    world, ev, px = scored(np.random.default_rng(0).random(SIZE).astype(np.float32), native=(6, 9))
    (found,) = cut_of(tmp_path, world, height_fraction=0.05).regions(px, ev, CHANCE)
    assert 0 < found.count <= 54
    assert len(found.values) == found.count
    assert set(np.unique(found.labels)) - {-1} == set(range(found.count))


def test_without_a_map_the_image_is_the_question(tmp_path):
    world = make_world(2)
    for found in cut_of(tmp_path, world).regions(None, world.evidence(world.ids), CHANCE):
        assert (found.count, found.key) == (1, "image")
        assert found.labels.shape == world.native
        assert (found.labels == 0).all()


def test_a_map_that_says_nothing_places_windows_by_chance(tmp_path):
    """What the score ``random`` gives: an image's draw at each pixel, which its rows have to hold exactly."""
    world, ev, _ = scored(np.zeros(SIZE, np.float32))
    draw = np.float32(12345678 / (1 << 24))
    px = PixelScore(torch.full((1, *SIZE), float(draw)))
    ev.answered[0, :8] = True
    cut = cut_of(tmp_path, world, height_fraction=0.25)
    first, again, other = (cut.regions(px, ev, Chance((seed,)))[0] for seed in (0, 0, 1))
    assert np.array_equal(first.labels, again.labels)
    assert not np.array_equal(first.labels, other.labels)
    assert first.count >= 4
    assert (first.labels[:16] == -1).all()
    assert (reduce_rows(px, [first], [None], SIZE).arrays["value"] == draw).all()
    corners = [np.argwhere(cut.regions(px, ev, Chance((n,)))[0].labels == 0)[0] for n in range(50)]
    assert len({tuple(corner) for corner in corners}) > 30
    # windows begin in the model's rows 4 to 15 and columns 0 to 23; what is left of them begins in native row 16
    assert (abs(np.mean(corners, 0) - [20.7, 23.0]) < [2, 5]).all()


@pytest.mark.parametrize(
    ("params", "native", "pixels"),
    [
        ({"height_fraction": 0.25}, (40, 56), 100),
        ({"size": 8}, (40, 56), 64),
        ({"size": 40}, (40, 56), 1600),
        ({"height_fraction": 1.0}, (40, 56), 1600),
        ({"height_fraction": 0.25}, (41, 57), 11 * 11),
    ],
)
def test_the_pixels_of_a_question_are_known_beforehand(params, native, pixels, tmp_path):
    world, ev, px = scored(np.random.default_rng(0).random(SIZE).astype(np.float32), native=native)
    cut = cut_of(tmp_path, world, **params)
    assert isinstance(cut, Sized)
    assert cut.question_pixels(native) == pixels
    (found,) = cut.regions(px, ev, CHANCE)
    sizes = np.bincount(found.labels[found.labels >= 0])
    assert sizes.max() <= pixels
    if native == NATIVE:
        assert (sizes == pixels).all()


@pytest.mark.parametrize(
    ("params", "size", "words"),
    [
        (
            {"size": 41},
            SIZE,
            r"key 'size', found 41 pixels: a window larger than the image of 40 x 56; allowed: 1 to 40",
        ),
        ({"size": 29}, (28, 20), r"key 'size', found 29 pixels.*allowed: 1 to 28 pixels"),
        ({"height_fraction": 0.8}, (28, 20), r"key 'height_fraction', found 0\.8: .* allowed: up to 0\.714"),
    ],
)
def test_a_window_larger_than_the_image_is_refused(params, size, words, tmp_path):
    native = NATIVE if size == SIZE else (40, 28)
    world, ev, px = scored(np.zeros(size, np.float32), native=native)
    cut = cut_of(tmp_path, world, **params)
    with pytest.raises(SeglensError, match=words):
        cut.question_pixels(native)
    with pytest.raises(SeglensError, match=words):
        cut.regions(px, ev, CHANCE)
