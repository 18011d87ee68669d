from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional
from torchmetrics.classification import MulticlassCalibrationError, MulticlassF1Score, MulticlassJaccardIndex

from seglens.functional.boundary import boundary_counts, boundary_iou
from seglens.models import FeatureCache, load_image
from seglens.training import evaluate, predict
from seglens.types import IGNORE, SeglensError

SIZE = (32, 64)


def test_both_truths_equal_torchmetrics(blocks, tiny) -> None:
    net = tiny().eval()
    native, model = evaluate(net, blocks, blocks, blocks.ids, size=SIZE, batch=4)
    assert (native.truth, native.size, model.truth, model.size) == ("native", "48x80", "model", "32x64")
    for figures, size in ((native, (48, 80)), (model, SIZE)):
        jaccard = MulticlassJaccardIndex(3, ignore_index=IGNORE, average="none")
        f1 = MulticlassF1Score(3, ignore_index=IGNORE, average="none")
        for id in blocks.ids:
            with torch.no_grad():
                logits = net(load_image(blocks, id, SIZE)[None])
            logits = functional.interpolate(logits, size=size, mode="bilinear", align_corners=False)
            truth = torch.from_numpy(blocks.label(id))[None, None].float()
            truth = functional.interpolate(truth, size=size, mode="nearest-exact")[:, 0].long()
            jaccard.update(logits.argmax(1), truth)
            f1.update(logits.argmax(1), truth)
        np.testing.assert_allclose(figures.iou, jaccard.compute().numpy(), atol=2e-3)
        np.testing.assert_allclose(figures.dice, f1.compute().numpy(), atol=2e-3)
        assert figures.miou == pytest.approx(np.nanmean(figures.iou))
        assert figures.images == 10
    assert native.confusion.sum() == sum((blocks.label(id) != IGNORE).sum() for id in blocks.ids)


def test_native_truth_has_calibration_boundaries_and_rare_classes(blocks, tiny) -> None:
    net = tiny().eval()
    native, model = evaluate(net, blocks, blocks, blocks.ids, size=SIZE)
    theirs = MulticlassCalibrationError(3, n_bins=15, norm="l1", ignore_index=IGNORE)
    counts, sure, right, pixels = np.zeros((3, 3), np.int64), 0.0, 0, np.zeros(3)
    for id in blocks.ids:
        with torch.no_grad():
            logits = net(load_image(blocks, id, SIZE)[None])
        logits = functional.interpolate(logits, size=(48, 80), mode="bilinear", align_corners=False)
        truth = blocks.label(id)
        theirs.update(logits.softmax(1), torch.from_numpy(truth)[None].long())
        counts += boundary_counts(truth, logits[0].argmax(0).numpy(), 3)
        known = truth != IGNORE
        sure += float(logits.softmax(1).amax(1)[0].numpy()[known].sum())
        right += int((logits[0].argmax(0).numpy() == truth)[known].sum())
        pixels += np.bincount(truth[known], minlength=3)
    assert native.ece == pytest.approx(float(theirs.compute()), abs=1e-4)
    assert native.overconfidence == pytest.approx((sure - right) / pixels.sum(), abs=1e-5)
    np.testing.assert_allclose(native.boundary, boundary_iou(counts))
    np.testing.assert_allclose(native.truth_share, pixels / pixels.sum())
    assert native.rare_miou == pytest.approx(native.miou)  # of three classes all are among the rarest five
    assert (model.ece, model.boundary) == (None, None)


def test_a_model_at_native_size_is_measured_once(blocks, tiny) -> None:
    native, model = evaluate(tiny(size=(48, 80)), blocks, blocks, blocks.ids[:3], size=(48, 80))
    assert (native.size, model.size) == ("48x80", "48x80")
    assert (native.confusion == model.confusion).all()
    assert native.miou == model.miou


def test_the_cache_changes_next_to_nothing_and_batches_nothing(blocks, tiny, tmp_path: Path) -> None:
    net = tiny()
    plain = evaluate(net, blocks, blocks, blocks.ids, size=SIZE, batch=1)
    assert net.training  # put back
    cache = FeatureCache(tmp_path, blocks, net, SIZE, ("plain",), 1.0)
    for figures in (
        evaluate(net, blocks, blocks, blocks.ids, size=SIZE, cache=cache),
        evaluate(net, blocks, blocks, blocks.ids, size=SIZE, batch=7),
    ):
        for a, b in zip(plain, figures, strict=True):
            assert a.miou == pytest.approx(b.miou, abs=2e-3)


def test_images_without_a_mask_are_left_out(blocks, tiny) -> None:
    class Some:
        def has(self, id: str) -> bool:
            return id in ("b1", "b3")

        def label(self, id: str) -> np.ndarray:
            return blocks.label(id)

    told: list[tuple[int, int]] = []
    native, _ = evaluate(
        tiny(), blocks, Some(), blocks.ids, size=SIZE, batch=1, progress=lambda d, t: told.append((d, t))
    )
    assert native.images == 2
    assert told == [(1, 2), (2, 2)]
    with pytest.raises(SeglensError, match="none of the 1 images has a mask"):
        evaluate(tiny(), blocks, Some(), ["b0"], size=SIZE)


def test_predict_is_what_is_evaluated(blocks, tiny) -> None:
    net = tiny()
    figures = evaluate(net, blocks, blocks, ["b0"], size=SIZE)[0]
    prediction = predict(net, blocks.image("b0"))
    assert prediction.shape == (48, 80)
    assert prediction.dtype == np.uint8
    truth = blocks.label("b0")
    hits = [int(((truth == c) & (prediction == c)).sum()) for c in range(3)]
    assert np.diag(figures.confusion).tolist() == hits
