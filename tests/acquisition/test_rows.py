from __future__ import annotations

import numpy as np
import pytest
import torch

from seglens.acquisition.rows import reduce_rows
from seglens.types import PixelScore, RegionSet, SeglensError


def scores(size, n=2, classes=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    value = torch.rand((n, *size), generator=generator)
    group = torch.randint(classes, (n, *size), generator=generator)
    dense = torch.rand((n, 2, *size), generator=generator)
    return PixelScore(value, group, dense, {"total": np.array([1.5])}, classes)


def regions(native, n=2, seed=0, holes=True):
    rng = np.random.default_rng(seed)
    found = []
    for index in range(n):
        labels = rng.integers(-1 if holes else 0, 6, native).astype(np.int32)
        found.append(RegionSet(f"image {index}", "key", labels, 6))
    return found


def test_equals_brute_force_at_one_size():
    px, sets = scores((9, 11)), regions((9, 11))
    asked = [None, np.random.default_rng(1).random((9, 11)) < 0.3]
    rows = reduce_rows(px, sets, asked, (9, 11))
    assert rows.keys == {"image 0": "key", "image 1": "key"}
    assert rows.sums["total"].tolist() == [1.5]
    assert len(rows) == 12
    for place in range(12):
        image, number = divmod(place, 6)
        inside = sets[image].labels == number
        value, group = px.value[image].numpy()[inside], px.group[image].numpy()[inside]
        assert (rows.images[place], rows.regions[place]) == (f"image {image}", number)
        assert rows.sizes[place] == inside.sum()
        assert rows.fresh[place] == (inside & ~asked[image]).sum() if image else inside.sum()
        assert rows.arrays["value"][place] == pytest.approx(value.mean(), abs=1e-6)
        for c in range(3):
            assert rows.arrays["by_class"][place, c] == pytest.approx(value[group == c].sum() / inside.sum(), abs=1e-6)
            assert rows.arrays["share"][place, c] == pytest.approx((group == c).mean(), abs=1e-6)
        for k in range(2):
            assert rows.arrays["dense"][place, k] == pytest.approx(px.dense[image, k].numpy()[inside].mean(), abs=1e-6)


def test_without_classes_rows_hold_the_value_alone():
    px = scores((9, 11))
    with_classes = reduce_rows(px, regions((9, 11)), [None, None], (9, 11))
    plain = reduce_rows(PixelScore(px.value), regions((9, 11)), [None, None], (9, 11))
    assert set(plain.arrays) == {"value"}
    np.testing.assert_allclose(plain.arrays["value"], with_classes.arrays["value"], atol=1e-6)


@pytest.mark.parametrize("native", [(18, 22), (27, 33), (13, 17), (5, 7)])
def test_each_score_pixel_counts_for_the_region_under_its_centre(native):
    px, sets = scores((9, 11)), regions(native, holes=False)
    rows = reduce_rows(px, sets, [None, None], (9, 11))
    for image in range(2):
        total, count = np.zeros(6), np.zeros(6)
        for y in range(9):
            for x in range(11):
                number = sets[image].labels[int((y + 0.5) * native[0] / 9), int((x + 0.5) * native[1] / 11)]
                total[number] += px.value[image, y, x]
                count[number] += 1
        mine = rows.arrays["value"][image * 6 : image * 6 + 6]
        seen = count > 0
        np.testing.assert_allclose(mine[seen], (total / np.maximum(count, 1))[seen], atol=1e-6)
    assert rows.sizes.sum() == 2 * native[0] * native[1]


def test_a_region_under_no_centre_takes_the_score_at_its_middle():
    labels = np.zeros((40, 40), np.int32)
    labels[32, 9] = 1  # the corner of a score pixel, not under its centre
    px = scores((5, 5), n=1)
    rows = reduce_rows(px, [RegionSet("a", "k", labels, 2)], [None], (5, 5))
    assert rows.sizes.tolist() == [1599, 1]
    assert rows.arrays["value"][1] == px.value[0, 4, 1]
    expected = np.zeros(3, np.float32)
    expected[px.group[0, 4, 1]] = px.value[0, 4, 1]
    assert rows.arrays["by_class"][1].tolist() == expected.tolist()
    assert rows.arrays["share"][1].sum() == 1


def test_an_image_without_regions_has_no_rows():
    none = RegionSet("a", "k", np.full((9, 11), -1, np.int32), 0)
    some = regions((9, 11), n=1)[0]
    rows = reduce_rows(scores((9, 11)), [none, some], [None, None], (9, 11))
    assert set(rows.images) == {"image 0"}


def test_a_score_that_is_not_finite_is_named():
    px = scores((9, 11))
    px.value[1, 2, 2] = torch.nan
    with pytest.raises(SeglensError, match="image 'image 1': 1 scores are not finite"):
        reduce_rows(px, regions((9, 11)), [None, None], (9, 11))


@pytest.mark.parametrize("how", ["mean", "max", "top"])
@pytest.mark.parametrize("native", [(9, 11), (18, 22)])
def test_scores_of_a_class_are_aggregated_as_asked(how, native):
    each = torch.rand((2, 3, 9, 11), generator=torch.Generator().manual_seed(4))
    plain = scores((9, 11))
    px = PixelScore(plain.value, plain.group, classes=3, by_class=each, aggregate=how)
    sets = regions(native)
    rows = reduce_rows(px, sets, [None, None], (9, 11))
    for place in range(12):
        image, number = divmod(place, 6)
        at = sets[image].labels[native[0] // 18 :: native[0] // 9, native[1] // 22 :: native[1] // 11]
        inside = -np.sort(-each[image].numpy()[:, at == number], axis=1)
        most = {"mean": inside.shape[1], "max": 1, "top": int(np.ceil(0.1 * inside.shape[1]))}[how]
        np.testing.assert_allclose(rows.arrays["by_class"][place], inside[:, :most].mean(1), rtol=1e-5)
    np.testing.assert_allclose(rows.arrays["share"].sum(1), 1, rtol=1e-6)


def test_a_region_under_no_pixel_takes_the_nearest_ones_scores_of_classes():
    labels = np.zeros((8, 8), np.int32)
    labels[0, 0] = 1  # the score's pixels lie on odd rows and columns
    each = torch.rand((1, 3, 4, 4), generator=torch.Generator().manual_seed(4))
    px = PixelScore(each.amax(1), classes=3, by_class=each, aggregate="max")
    rows = reduce_rows(px, [RegionSet("a", "key", labels, 2)], [None], (4, 4))
    assert rows.arrays["by_class"][1].tolist() == each[0, :, 0, 0].tolist()
