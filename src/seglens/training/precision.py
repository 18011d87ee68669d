"""Which parts of the network run in bfloat16."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from seglens.config import TrainConfig
from seglens.models.precision import has_bf16


@dataclass(frozen=True)
class Precision:
    """Whether encoder and decoder run under autocast to bfloat16."""

    encoder: bool
    decoder: bool


def resolve_precision(config: TrainConfig, device: torch.device) -> Precision:
    """What ``train.precision`` means on a device.

    On a CPU ``auto`` leaves the encoder in float32 (oneDNN's bfloat16 backward of depthwise convolutions is slow) and
    runs the decoder in bfloat16 where there are instructions for it.
    """
    if config.precision == "auto":
        if device.type == "cuda":
            return Precision(has_bf16(device), has_bf16(device))
        return Precision(False, has_bf16(device))
    return Precision(config.precision == "bf16", config.precision in ("bf16", "mixed"))
