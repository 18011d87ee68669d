"""Quality by depth, against pixels counted one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import jaccard_score

from seglens.bench.bands import BandMeter, DepthBands, band_edges, band_names, band_of
from seglens.bench.plan import BandsPlan, PlannedRun
from seglens.config import PartConfig, resolve
from seglens.data import open_data, open_labels
from seglens.protocols import PartContext
from seglens.registry import depths
from seglens.types import IGNORE, SeglensError

EVAL = PartConfig.model_validate({"name": "streets", "split": "eval", "images": 8, "size": [64, 96]})


def streets(depth: str, tmp_path, count: int = 3) -> DepthBands:
    data = open_data(EVAL)
    source = depths.build(PartConfig(name=depth), PartContext(data.classes, data, tmp_path, (64, 96)))
    return DepthBands(data, open_labels(EVAL), source, count)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_bands_hold_equally_many_pixels_from_near_to_far(count: int) -> None:
    near = np.random.default_rng(0).random(999)
    edges = band_edges(near, count)
    bands = band_of(near, edges)
    assert np.abs(np.bincount(bands, minlength=count) - 999 / count).max() < 1
    order = bands[np.argsort(-near)]
    assert (np.diff(order.astype(int)) >= 0).all()
    assert len(band_names(count)) == count


@pytest.mark.parametrize("depth", ["exact", "ground"])
def test_figures_are_what_scikit_learn_counts(depth: str, tmp_path) -> None:
    bands = streets(depth, tmp_path)
    rng = np.random.default_rng(0)
    guesses = {id: rng.integers(0, 19, (64, 96)).astype(np.uint8) for id in bands.ids}
    for id, guess in guesses.items():  # half right
        right = rng.random(guess.shape) < 0.5
        guess[right] = np.where(bands.labels.label(id) == IGNORE, 0, bands.labels.label(id))[right]
    found = bands.measure(guesses.__getitem__)
    truth = np.concatenate([bands.labels.label(id).ravel() for id in bands.ids])
    guessed = np.concatenate([guesses[id].ravel() for id in bands.ids])
    near = np.concatenate([bands.proximity(id).ravel() for id in bands.ids])
    assert np.isnan(near[truth == IGNORE]).all()
    low, high = np.nanquantile(near, [1 / 3, 2 / 3])
    inside = [near > high, (near > low) & (near <= high), near <= low]
    both = sorted(set(truth[inside[0]]) & set(truth[inside[2]]))
    assert found.classes == len(both) > 2
    for mask, value in zip(inside, found.miou, strict=True):
        expected = jaccard_score(truth[mask], guessed[mask], labels=both, average="macro")
        assert value == pytest.approx(expected)


def test_exact_bands_follow_the_distance_and_leave_out_the_sky(tmp_path) -> None:
    bands = streets("exact", tmp_path)
    id = bands.ids[0]
    metres = bands.data.depth(id)  # type: ignore[attr-defined]
    assert (bands.bands[id][np.isinf(metres)] == bands.count).all()
    means = [metres[bands.bands[id] == band].mean() for band in range(3)]
    assert means == sorted(means)


def test_ground_bands_see_the_true_labels(tmp_path) -> None:
    bands = streets("ground", tmp_path)
    id = bands.ids[0]
    truth = torch.from_numpy(bands.labels.label(id).astype(np.int64))[None]
    expected = bands.source.proximity([id], (64, 96), lambda: truth)[0].numpy()
    known = ~np.isnan(bands.proximity(id))
    assert known.any()
    assert (bands.proximity(id)[known] == expected[known]).all()


def test_a_depth_that_the_data_has_not_is_refused(tmp_path) -> None:
    config = resolve({"eval_data": EVAL.model_dump() | {"size": [64, 96]}}, {}, "x")
    run = PlannedRun("x", 0, tmp_path, config)
    with pytest.raises(SeglensError, match="bands: depth: unknown name 'exat'"):
        BandMeter(BandsPlan(depth=PartConfig(name="exat"))).bands(run)
    with pytest.raises(SeglensError, match="bands: depth 'files': the dataset has no depth file"):
        BandMeter(BandsPlan(depth=PartConfig(name="files"))).bands(run)
