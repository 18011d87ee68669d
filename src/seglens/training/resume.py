"""Checkpoints inside a training: everything that the next step depends on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from seglens.config import TrainConfig
from seglens.models.checkpoint import read_state, write_atomic
from seglens.models.network import SegNet
from seglens.protocols import Companion
from seglens.training.optim import Ema
from seglens.training.source import TrainSource
from seglens.types import Chance, SeglensError

FORMAT = "seglens-training"
VERSION = 1


def training_key(
    source: TrainSource, config: TrainConfig, chance: Chance, net: SegNet, companions: Sequence[Companion] = ()
) -> str:
    """What a checkpoint inside a training must agree on."""
    what = (chance.path, config.model_dump_json(), tuple(source.ids), net.config.model_dump_json(), net.classes.names)
    beside = [(companion.name, repr(getattr(companion, "params", ""))) for companion in companions]
    return hashlib.sha256(repr((what, beside, tuple(source.pool) if beside else ())).encode()).hexdigest()[:16]


def save(
    path: Path,
    key: str,
    step: int,
    net: SegNet,
    ema: Ema | None,
    optimiser: Any,
    companions: Sequence[Companion],
) -> None:
    """Write a checkpoint, atomically."""
    state = {
        "format": FORMAT,
        "version": VERSION,
        "key": key,
        "step": step,
        "net": moving_state(net),
        "ema": None if ema is None else moving_state(ema.net),
        "optimiser": optimiser.state_dict(),
        "companions": [{name: part.state_dict() for name, part in c.state().items()} for c in companions],
    }
    write_atomic(state, path)


def restore(
    path: Path | None, key: str, net: SegNet, ema: Ema | None, optimiser: Any, companions: Sequence[Companion]
) -> int:
    """Put everything back as a checkpoint has it; returns the steps done, 0 without a checkpoint."""
    if path is None or not path.exists():
        return 0
    state = read_state(path, FORMAT, VERSION)
    if state["key"] != key:
        raise SeglensError(f"{path}: a checkpoint of another training (other config, labels, seed or round); delete it")
    net.load_state_dict(state["net"], strict=False)
    if ema is not None:
        ema.net.load_state_dict(state["ema"], strict=False)
    optimiser.load_state_dict(state["optimiser"])
    for companion, saved in zip(companions, state["companions"], strict=True):
        for name, part in companion.state().items():
            part.load_state_dict(saved[name])
    return int(state["step"])


def moving_state(net: SegNet) -> dict[str, Tensor]:
    """The state that training changes: without a frozen encoder."""
    state = net.state_dict()
    return {name: value for name, value in state.items() if not (net.frozen and name.startswith("encoder."))}
