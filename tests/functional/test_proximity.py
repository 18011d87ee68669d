from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.filters import threshold_otsu

from seglens.functional.proximity import (
    from_inverse,
    from_metres,
    gated,
    openness,
    patchwise,
    resized,
    spread,
    threshold,
)
from seglens.types import Gate


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def test_metres_are_absolute():
    near = from_metres(torch.tensor([[[0.0, 4.0, 10.0, 20.0, torch.inf]]], dtype=torch.float64), near=5.0)
    assert near.dtype == torch.float64
    assert near.flatten().tolist() == [1, 1, 0.5, 0.25, 0]
    assert from_metres(torch.full((1, 1, 1), 30.0), near=3.0).item() == pytest.approx(0.1)


def test_inverse_depth_is_scaled_within_each_image():
    base = random(1, 30, 41)
    both = torch.cat([base, 700 * base + 30])
    near = from_inverse(both)
    assert torch.allclose(near[0], near[1], atol=1e-4)
    flat = base.flatten().numpy()
    low, high = (np.percentile(flat, p, method="nearest") for p in (1, 99))
    np.testing.assert_allclose(near[0].flatten(), np.clip((flat - low) / (high - low), 0, 1), atol=1e-6)


def test_wild_pixels_do_not_decide_the_scale():
    inverse = random(1, 40, 50)
    wild = inverse.clone()
    wild[0, 3, 4:8] = 1e6
    assert torch.allclose(from_inverse(inverse)[0, 10:], from_inverse(wild)[0, 10:], atol=0.02)


def test_constant_inverse_depth_is_near_everywhere():
    assert (from_inverse(torch.full((2, 5, 6), 3.0)) == 1).all()
    assert (from_inverse(torch.zeros(1, 5, 6, dtype=torch.float16)) == 1).all()


def test_resizing_keeps_means_and_range():
    proximity = random(2, 64, 96)
    small = resized(proximity, (16, 24))
    assert torch.allclose(small.mean((1, 2)), proximity.mean((1, 2)), atol=0.01)
    assert small.std() < 0.5 * proximity.std()  # it averages instead of picking pixels
    assert resized(proximity, (64, 96)) is proximity
    large = resized(proximity, (70, 130))
    assert proximity.min() <= large.min()
    assert large.max() <= proximity.max() + 1e-6


@pytest.mark.parametrize(("size", "grid"), [((16, 24), (4, 6)), ((17, 23), (4, 6)), ((5, 7), (8, 9)), ((9, 9), (1, 1))])
def test_patches_are_means_over_a_grid(size, grid):
    proximity = random(2, *size)
    patches = patchwise(proximity, grid)
    for i in range(grid[0]):
        for j in range(grid[1]):
            rows = slice(i * size[0] // grid[0], -(-(i + 1) * size[0] // grid[0]))
            columns = slice(j * size[1] // grid[1], -(-(j + 1) * size[1] // grid[1]))
            assert torch.allclose(patches[:, i, j], proximity[:, rows, columns].mean((1, 2)), atol=1e-6)


@pytest.mark.parametrize(("size", "grid"), [((16, 24), (4, 6)), ((17, 23), (4, 6)), ((5, 7), (8, 9))])
def test_spreading_takes_the_patch_under_the_centre(size, grid):
    patches = random(2, *grid)
    pixels = spread(patches, size)
    for y in range(size[0]):
        for x in range(size[1]):
            i, j = int((y + 0.5) * grid[0] / size[0]), int((x + 0.5) * grid[1] / size[1])
            assert torch.equal(pixels[:, y, x], patches[:, i, j])


def test_nearest_is_a_percentile_minus_a_spread():
    patches = random(3, 8, 9)
    found = threshold(patches, Gate(percentile=90, spread=1.5))
    flat = patches.flatten(1).numpy()
    np.testing.assert_allclose(found, np.percentile(flat, 90, axis=1) - 1.5 * flat.std(1), atol=1e-6)


def test_the_threshold_varies_with_the_nearest_objects():
    near, far = torch.full((1, 4, 4), 0.1), torch.full((1, 4, 4), 0.1)
    near[0, 3], far[0, 3] = 0.9, 0.3
    gate = Gate(patches=(4, 4), spread=0.5)
    assert threshold(near, gate) > 2 * threshold(far, gate)
    assert openness(near, gate)[0, 3].eq(1).all()
    assert openness(far, gate)[0, 3].eq(1).all()  # 0.3 is near where nothing is nearer


def test_median_opens_half():
    patches = torch.linspace(0, 1, 100).reshape(1, 10, 10)
    assert openness(patches, Gate(patches=(10, 10), threshold="median", mode="hard")).mean() == 0.5


@pytest.mark.parametrize("seed", range(5))
def test_otsu_parts_as_scikit_image_does(seed):
    rng = np.random.default_rng(seed)
    values = np.concatenate([rng.normal(60, 20, 200), rng.normal(180, 25, 312)]).clip(1, 254).round()
    values[:2] = 0, 255  # whole numbers on the edges of its 256 bins: both see the same values
    patches = torch.from_numpy(rng.permutation(values).reshape(1, 16, 32) / 255)
    ours = patches >= threshold(patches, Gate(threshold="otsu"))[:, None, None]
    theirs = values_of(patches) > threshold_otsu(values_of(patches).astype(np.uint8))
    assert 0 < theirs.mean() < 1
    np.testing.assert_array_equal(ours.numpy(), theirs)


def values_of(patches: torch.Tensor) -> np.ndarray:
    return (patches * 255).round().numpy()


@pytest.mark.parametrize("rule", ["nearest", "median", "otsu"])
@pytest.mark.parametrize("mode", ["hard", "soft"])
@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, 1.0])
def test_a_constant_map_is_open(rule, mode, value):
    gate = Gate(patches=(3, 5), threshold=rule, mode=mode, spread=0.0)
    assert (openness(torch.full((2, 13, 17), value), gate) == 1).all()
    assert (openness(torch.full((2, 13, 17), value), Gate(patches=(1, 1), threshold=rule, mode=mode)) == 1).all()


@pytest.mark.parametrize("mode", ["hard", "soft"])
def test_a_threshold_that_is_not_positive_leaves_everything_open(mode):
    proximity = random(1, 16, 16)
    wide = Gate(patches=(4, 4), spread=100.0, mode=mode)
    assert threshold(patchwise(proximity, (4, 4)), wide) < 0
    assert (openness(proximity, wide) == 1).all()
    nothing = torch.zeros(1, 4, 4)
    nothing[0, 0, 0] = 1
    assert (openness(nothing, Gate(patches=(4, 4), threshold="median", mode=mode)) == 1).all()


def test_hard_and_soft():
    proximity = random(2, 32, 64)
    hard, soft = (openness(proximity, Gate(patches=(8, 16), spread=0.5, mode=mode)) for mode in ("hard", "soft"))
    assert set(hard.unique().tolist()) == {0, 1}
    patches = spread(patchwise(proximity, (8, 16)), (32, 64))
    least = threshold(patchwise(proximity, (8, 16)), Gate(spread=0.5))[:, None, None]
    assert torch.equal(hard == 1, patches >= least)
    assert torch.allclose(soft, (patches / least).clamp(max=1))
    assert torch.equal(soft == 1, hard == 1)


def test_images_do_not_see_one_another():
    proximity = torch.cat([random(1, 20, 30), 0.2 * random(1, 20, 30, seed=1)])
    for rule in ("nearest", "median", "otsu"):
        gate = Gate(patches=(5, 6), threshold=rule)
        alone = torch.cat([openness(proximity[i : i + 1], gate) for i in range(2)])
        assert torch.equal(openness(proximity, gate), alone)


def test_the_gated_image_is_black_where_it_is_closed():
    images = random(2, 3, 6, 8)
    share = random(2, 6, 8, seed=1)
    share[:, :2] = 0
    share[:, 4:] = 1
    out = gated(images, share)
    assert (out[:, :, :2] == 0).all()
    assert torch.equal(out[:, :, 4:], images[:, :, 4:])
    assert torch.equal(out[:, 1], images[:, 1] * share)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_the_dtype_comes_from_the_input(dtype):
    proximity = random(1, 16, 16).to(dtype)
    for rule in ("nearest", "median", "otsu"):
        assert openness(proximity, Gate(patches=(4, 4), threshold=rule)).dtype == dtype
    assert from_inverse(proximity).dtype == from_metres(proximity).dtype == dtype
