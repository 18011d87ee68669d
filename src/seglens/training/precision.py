"""Which parts of the network run in bfloat16."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from seglens.config import TrainConfig


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
            return Precision(True, True)
        return Precision(False, device.type == "cpu" and cpu_has_bf16())
    return Precision(config.precision == "bf16", config.precision in ("bf16", "mixed"))


def cpu_has_bf16() -> bool:
    """Whether the CPU multiplies bfloat16 matrices itself (AVX512-BF16 or AMX)."""
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))
