from __future__ import annotations

import numpy as np
import pytest
from arrays import CLASSES, ArrayLabels, make_world
from sklearn.metrics import confusion_matrix, jaccard_score

from seglens.superpixels import Superpixels, quality
from seglens.superpixels.quality import image_confusion
from seglens.types import IGNORE


def dominant(regions, truth):
    """Each region painted with its most frequent class, brute force."""
    painted = np.full(truth.shape, IGNORE, np.uint8)
    for number in range(regions.max() + 1):
        inside = truth[(regions == number) & (truth != IGNORE)]
        if len(inside):
            painted[regions == number] = np.bincount(inside).argmax()
    return painted


def test_equals_scikit_learn(tmp_path):
    world = make_world(4)
    found = Superpixels(world.data, tmp_path, 40)
    del world.labels.truths[world.ids[3]]
    result = quality(found, world.data, world.labels, world.ids)
    truths = [world.labels.label(id) for id in world.ids[:3]]
    painted = [dominant(found.labels(id), truth) for id, truth in zip(world.ids[:3], truths, strict=True)]
    truth, guess = np.concatenate(truths).ravel(), np.concatenate(painted).ravel()
    seen = truth != IGNORE
    assert result["images"] == 3
    assert (result["asked"], result["mean_count"]) == (40, found.mean_count)
    assert result["achievable_accuracy"] == pytest.approx((truth == guess)[seen].mean())
    per_class = jaccard_score(truth[seen], guess[seen], average=None, labels=range(5))
    assert list(result["iou_ceiling"].values()) == pytest.approx(per_class)
    assert result["miou_ceiling"] == pytest.approx(per_class.mean())


def test_rows_are_the_truth():
    regions = np.array([[0, 0, 0, 1, 1, 1]])
    truth = np.array([[2, 2, 1, 1, IGNORE, 1]], np.uint8)
    expected = confusion_matrix([2, 2, 1, 1, 1], [2, 2, 2, 1, 1], labels=range(5))
    assert np.array_equal(image_confusion(regions, truth, 5), expected)


def test_classes_that_do_not_occur_are_left_out(tmp_path):
    world = make_world(1)
    flat = ArrayLabels({world.ids[0]: np.full(world.native, 3, np.uint8)})
    result = quality(Superpixels(world.data, tmp_path, 33), world.data, flat, world.ids)
    assert result["miou_ceiling"] == result["achievable_accuracy"] == 1
    assert result["iou_ceiling"] == {name: 1.0 if name == CLASSES.names[3] else None for name in CLASSES.names}


def test_camvid_has_the_ceiling_that_is_known(shared, tmp_path):
    from seglens.config import PartConfig
    from seglens.data import open_data, open_labels

    part = PartConfig(name="camvid", root=str(shared / "data" / "camvid"), splits=["val"], include=["0016E5"])
    data, labels = open_data(part), open_labels(part)
    few = list(data.ids)[::12]

    class Few:
        classes, ids, item, image = data.classes, few, data.item, data.image

        def fingerprint(self):
            return data.fingerprint()

    found = Superpixels(Few(), tmp_path, 256)
    result = quality(found, data, labels, few)
    assert abs(result["mean_count"] / 256 - 1) <= 0.1
    assert 0.88 < result["achievable_accuracy"] < 0.95
    assert 0.5 < result["miou_ceiling"] < 0.75
