"""The teacher: an average of the student, bit-equal on resume, without any say in the training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from seglens.config import ModelConfig, PartConfig, TrainConfig
from seglens.models import SegNet, load_checkpoint, save_checkpoint
from seglens.protocols import Companion, PartContext
from seglens.registry import companions
from seglens.training import TrainSource, train
from seglens.training.companions.ema_teacher import EmaTeacher
from seglens.training.optim import build_optimiser
from seglens.types import Chance, ModelSet, SeglensError

CHANCE = Chance((0, 1, "train"))
Source = Callable[..., TrainSource]


def settings(rhythm: str = "interactive", **change: object) -> TrainConfig:
    return TrainConfig.model_validate({"rhythm": rhythm, "steps": 12, "batch": 4, "checkpoint_steps": 4, **change})


@pytest.fixture
def teacher(blocks, tmp_path: Path) -> Callable[..., EmaTeacher]:
    context = PartContext(blocks.classes, blocks, tmp_path, (32, 64))

    def build(**params: object) -> EmaTeacher:
        built: EmaTeacher = companions.build(PartConfig.model_validate({"name": "ema-teacher", **params}), context)
        return built

    return build


def trained(teachers: list[Companion], net: SegNet, source: Source, config: TrainConfig, **more: object) -> ModelSet:
    return train(net, source(net, config), config, CHANCE, companions=teachers, **more)  # type: ignore[arg-type]


def differing(a: torch.nn.Module, b: torch.nn.Module) -> list[str]:
    one, two = a.state_dict(), b.state_dict()
    assert one.keys() == two.keys()
    return [key for key in one if not torch.equal(one[key], two[key])]


@pytest.mark.parametrize("rhythm", ["interactive", "finetune"])
def test_it_averages_the_weights_after_every_step(tiny, source, teacher, rhythm: str) -> None:
    seen: list[Tensor] = []

    class Witness(EmaTeacher):
        def step(self) -> None:
            super().step()
            assert self._student is not None
            seen.append(self._student.head[0].weight.detach().clone())

    net, config = tiny(), settings(rhythm, steps=5)
    expected = net.head[0].weight.detach().clone()
    witness = Witness(teacher(decay=0.3).params, None)  # type: ignore[arg-type]
    models = trained([witness], net, source, config)
    for step, weight in enumerate(seen):
        decay = min(0.3, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * weight
    member = models.members["ema-teacher"]
    assert isinstance(member, SegNet)
    torch.testing.assert_close(member.head[0].weight, expected)
    assert not member.training
    assert differing(member, models.main)


def test_with_the_decay_of_the_ema_it_is_the_ema(tiny, source, teacher) -> None:
    models = trained([teacher(decay=0.9)], tiny(), source, settings(ema=0.9))
    assert models.ema is not None
    assert differing(models.members["ema-teacher"], models.ema) == []


@pytest.mark.parametrize("rhythm", ["interactive", "finetune"])
def test_the_training_is_the_same_without_it(tiny, source, teacher, rhythm: str) -> None:
    config = settings(rhythm, ema=0.0)
    alone = trained([], tiny(), source, config)
    beside = trained([teacher()], tiny(), source, config)
    assert differing(alone.main, beside.main) == []
    assert (alone.members, list(beside.members), beside.ema) == ({}, ["ema-teacher"], None)


@pytest.mark.parametrize(("rhythm", "killed_at"), [("interactive", 6), ("interactive", 11), ("finetune", 9)])
def test_killed_and_resumed_ends_bit_equal(tiny, source, teacher, tmp_path: Path, rhythm: str, killed_at: int) -> None:
    config, file = settings(rhythm), tmp_path / "training.pt"
    calm = trained([teacher()], tiny(), source, config)

    def stop(done: int, total: int) -> None:
        if done == killed_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained([teacher()], tiny(), source, config, checkpoint=file, progress=stop)
    resumed = trained([teacher()], tiny(), source, config, checkpoint=file)
    assert differing(calm.main, resumed.main) == []
    assert differing(calm.members["ema-teacher"], resumed.members["ema-teacher"]) == []


def test_a_second_training_starts_anew(tiny, source, teacher) -> None:
    config, part = settings(), teacher()
    first = trained([part], tiny(), source, config).members["ema-teacher"]
    again = trained([part], tiny(), source, config).members["ema-teacher"]
    assert again is not first
    assert differing(again, first) == []


def test_it_is_saved_like_any_network(tiny, source, teacher, tmp_path: Path) -> None:
    member = trained([teacher()], tiny(), source, settings(steps=2)).members["ema-teacher"]
    assert isinstance(member, SegNet)
    save_checkpoint(member, tmp_path / "teacher.pt")
    assert differing(load_checkpoint(tmp_path / "teacher.pt"), member) == []


def test_bad_values_are_refused(teacher) -> None:
    with pytest.raises(SeglensError, match="companion 'ema-teacher': key 'decay', found 1"):
        teacher(decay=1)
    with pytest.raises(SeglensError, match="ema-teacher: no training has begun"):
        teacher().model()


def test_the_papers_protocol_can_be_said_and_trains(tiny, source, teacher) -> None:
    """SegXAL: transposed U-Net, SGD with momentum 0.9, 1e-4, batches of 16, 100 epochs, plain cross-entropy, warm."""
    said = {
        "rhythm": "finetune",
        "restart": "warm",
        "optimiser": "sgd",
        "lr": 1e-4,
        "encoder_lr": 1e-4,
        "weight_decay": 0.0,
        "schedule": "constant",
        "batch": 16,
        "steps": None,
        "epochs": 100,
        "class_weights": "none",
        "ema": 0.0,
    }
    config = TrainConfig.model_validate(said)
    assert config.epochs == 100
    model = ModelConfig(name="unet", upsampling="transposed")
    net = tiny(**model.model_dump(include={"name", "upsampling"}))
    optimiser = build_optimiser(net, config)
    assert [(g["momentum"], g["lr"], g["weight_decay"]) for g in optimiser.param_groups] == [(0.9, 1e-4, 0.0)] * 2
    before = {key: value.clone() for key, value in net.state_dict().items()}
    told: list[tuple[int, int]] = []
    models = trained(
        [teacher()], net, source, config.model_copy(update={"epochs": 1}), progress=lambda *n: told.append(n)
    )
    assert told == [(1, 1)]  # 10 images in one batch of 16
    assert models.ema is None
    moved = {key for key, value in models.main.state_dict().items() if not torch.equal(before[key], value)}
    assert {"head.0.weight", "decoder.layers.blocks.0.enlarge.weight"} <= moved
    assert any(key.startswith("encoder.") for key in moved)
