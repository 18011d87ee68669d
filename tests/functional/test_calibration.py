"""Calibration, against torchmetrics."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchmetrics.classification import MulticlassCalibrationError

from seglens.functional.calibration import calibration_error, calibration_gaps, confidence


@pytest.mark.parametrize("bins", [5, 15])
@pytest.mark.parametrize("scale", [0.2, 1.0, 6.0])
def test_the_error_is_torchmetrics(bins: int, scale: float) -> None:
    draw = torch.Generator().manual_seed(0)
    theirs = MulticlassCalibrationError(4, n_bins=bins, norm="l1")
    gaps, pixels = np.zeros(bins), 0
    for _ in range(3):
        logits = scale * torch.randn(4, 11, 13, generator=draw)
        truth = torch.randint(0, 4, (11, 13), generator=draw)
        theirs.update(logits.softmax(0)[None], truth[None])
        sure = confidence(logits)
        np.testing.assert_allclose(sure, logits.softmax(0).amax(0), rtol=1e-5)
        gaps += calibration_gaps(sure.ravel(), (logits.argmax(0) == truth).numpy().ravel(), bins)
        pixels += truth.numel()
    assert calibration_error(gaps, pixels) == pytest.approx(float(theirs.compute()), abs=1e-5)


def test_a_sure_and_right_network_is_calibrated_and_a_sure_and_wrong_one_is_not() -> None:
    logits = torch.tensor([[[1e4, 1e4]], [[-1e4, -1e4]]])
    sure = confidence(logits).ravel()
    assert sure.tolist() == [1, 1]
    assert calibration_error(calibration_gaps(sure, np.array([True, True])), 2) == 0
    assert calibration_error(calibration_gaps(sure, np.array([False, False])), 2) == 1
    assert np.isnan(calibration_error(calibration_gaps(np.zeros(0), np.zeros(0, bool)), 0))
