"""The mean teacher: what it costs and teaches, bit-equal on resume, and no label of an unlabelled pixel is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from seglens.config import PartConfig, TrainConfig
from seglens.models import SegNet
from seglens.protocols import Companion, PartContext
from seglens.registry import companions
from seglens.training import TrainSource, train
from seglens.training.companions.mean_teacher import MeanTeacher
from seglens.types import Chance, ModelSet

CHANCE = Chance((0, 1, "train"))
Source = Callable[..., TrainSource]


def settings(rhythm: str = "interactive", **change: object) -> TrainConfig:
    return TrainConfig.model_validate({"rhythm": rhythm, "steps": 12, "batch": 4, "checkpoint_steps": 4, **change})


@pytest.fixture
def part(blocks, tmp_path: Path) -> Callable[..., MeanTeacher]:
    context = PartContext(blocks.classes, blocks, tmp_path, (32, 64))

    def build(**params: object) -> MeanTeacher:
        values = {"name": "mean-teacher", "images": 3, "threshold": 0.4, **params}
        built: MeanTeacher = companions.build(PartConfig.model_validate(values), context)
        return built

    return build


def trained(parts: list[Companion], net: SegNet, source: Source, config: TrainConfig, **more: object) -> ModelSet:
    few = source(net, config, pool=source(net, config).data.ids)
    few = TrainSource(few.data, few.ids[:2], few.settled, few.cache, few.pool)
    return train(net, few, config, CHANCE, companions=parts, **more)  # type: ignore[arg-type]


def differing(a: torch.nn.Module, b: torch.nn.Module) -> list[str]:
    one, two = a.state_dict(), b.state_dict()
    return [key for key in one if not torch.equal(one[key], two[key])]


@pytest.mark.parametrize(
    ("rhythm", "killed_at", "params"),
    [
        ("interactive", 6, {}),
        ("interactive", 11, {"images": 0, "sees": "same"}),
        ("interactive", 7, {"mix": True, "sees": "both"}),
        ("finetune", 9, {}),
        ("finetune", 9, {"mix": True, "images": 0}),
    ],
)
def test_killed_and_resumed_ends_bit_equal(
    tiny, source, part, tmp_path: Path, rhythm: str, killed_at: int, params: dict[str, object]
) -> None:
    config, file = settings(rhythm), tmp_path / "training.pt"
    calm = trained([part(**params)], tiny(), source, config)
    alone = trained([], tiny(), source, config)

    def stop(done: int, total: int) -> None:
        if done == killed_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained([part(**params)], tiny(), source, config, checkpoint=file, progress=stop)
    resumed = trained([part(**params)], tiny(), source, config, checkpoint=file)
    assert differing(calm.main, resumed.main) == []
    assert differing(calm.main, alone.main) != []
    assert calm.members == {}
