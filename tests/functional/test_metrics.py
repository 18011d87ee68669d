import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import multiclass_f1_score, multiclass_jaccard_index

from seglens.functional.metrics import confusion_matrix, dice, iou, miou, rare_classes, rare_miou
from seglens.types import IGNORE, SeglensError

CLASSES = 5


def pair(seed: int, present: int = CLASSES) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    truth, prediction = draw.integers(0, present, (2, 3, 20, 30)).astype(np.uint8)
    prediction = np.where(draw.random(truth.shape) < 0.5, truth, prediction)
    truth[draw.random(truth.shape) < 0.2] = IGNORE
    return truth, prediction


@pytest.mark.parametrize("seed", range(3))
def test_equals_brute_force(seed: int) -> None:
    truth, prediction = pair(seed, 4)
    confusion = confusion_matrix(truth, prediction, CLASSES)
    wanted = np.zeros((CLASSES, CLASSES), int)
    for t, p in zip(truth.flat, prediction.flat, strict=True):
        if t != IGNORE:
            wanted[t, p] += 1
    assert (confusion == wanted).all()
    valid = truth != IGNORE
    for c in range(CLASSES):
        a, b = (truth == c) & valid, (prediction == c) & valid
        if not (a | b).any():
            assert np.isnan(iou(confusion)[c])
            assert np.isnan(dice(confusion)[c])
            continue
        assert iou(confusion)[c] == pytest.approx((a & b).sum() / (a | b).sum())
        assert dice(confusion)[c] == pytest.approx(2 * (a & b).sum() / (a.sum() + b.sum()))
    assert miou(confusion) == pytest.approx(np.mean([iou(confusion)[c] for c in range(4)]))


@pytest.mark.parametrize("seed", range(3))
def test_equals_torchmetrics(seed: int) -> None:
    truth, prediction = pair(seed)
    confusion = confusion_matrix(truth, prediction, CLASSES)
    args = (torch.from_numpy(prediction.astype(int)), torch.from_numpy(truth.astype(int)))
    theirs = multiclass_jaccard_index(*args, num_classes=CLASSES, ignore_index=IGNORE, average="none")
    np.testing.assert_allclose(iou(confusion), theirs.numpy(), rtol=1e-6)
    f1 = multiclass_f1_score(*args, num_classes=CLASSES, ignore_index=IGNORE, average="none")
    np.testing.assert_allclose(dice(confusion), f1.numpy(), rtol=1e-6)
    macro = multiclass_jaccard_index(*args, num_classes=CLASSES, ignore_index=IGNORE)
    assert miou(confusion) == pytest.approx(float(macro), rel=1e-6)


def test_matrices_add_up_over_images() -> None:
    truth, prediction = pair(7)
    parts = sum(confusion_matrix(t, p, CLASSES) for t, p in zip(truth, prediction, strict=True))
    assert (parts == confusion_matrix(truth, prediction, CLASSES)).all()


def test_rare_classes_are_those_the_truth_has_fewest_pixels_of() -> None:
    truth = np.repeat([0, 1, 2, 4], [50, 7, 30, 3]).astype(np.uint8)
    prediction = np.where(np.arange(90) % 5 == 0, 3, truth).astype(np.uint8)
    confusion = confusion_matrix(truth, prediction, 5)
    assert rare_classes(confusion, 2) == (4, 1)
    assert rare_classes(confusion) == (4, 1, 2, 0)  # the class 3 is predicted, yet never true
    assert rare_miou(confusion, 2) == pytest.approx((iou(confusion)[4] + iou(confusion)[1]) / 2)
    assert np.isnan(rare_miou(np.zeros((3, 3), np.int64)))


def test_nothing_but_void() -> None:
    confusion = confusion_matrix(np.full((4, 4), IGNORE, np.uint8), np.zeros((4, 4), np.uint8), 3)
    assert confusion.sum() == 0
    assert np.isnan(miou(confusion))


def test_bad_input() -> None:
    with pytest.raises(SeglensError, match=r"shape \(2,\).*\(3,\)"):
        confusion_matrix(np.zeros(2, int), np.zeros(3, int), 2)
    with pytest.raises(SeglensError, match="truth holds classes 0 to 7, allowed 0 to 1"):
        confusion_matrix(np.array([0, 7]), np.array([0, 1]), 2)
    with pytest.raises(SeglensError, match="prediction holds classes -1 to 1"):
        confusion_matrix(np.array([0, 1]), np.array([-1, 1]), 2)
