from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from seglens.config import TrainConfig
from seglens.models import SegNet, save_checkpoint
from seglens.training import Course, evaluate, train
from seglens.training.recipe import StepOutputs
from seglens.types import IGNORE, Chance, ModelSet, SeglensError, Settled

SIZE = (32, 64)
RHYTHMS = ["interactive", "finetune"]
CHANCE = Chance((0, 3, "train"))


def settings(rhythm: str = "interactive", **change: Any) -> TrainConfig:
    return TrainConfig.model_validate({"rhythm": rhythm, "steps": 12, "batch": 4, "checkpoint_steps": 4, **change})


def states(models: ModelSet) -> dict[str, Tensor]:
    assert models.ema is not None
    parts = (("main", models.main), ("ema", models.ema))
    return {f"{name}.{k}": v for name, part in parts for k, v in part.state_dict().items()}


def assert_equal(a: ModelSet, b: ModelSet) -> None:
    one, two = states(a), states(b)
    assert one.keys() == two.keys()
    assert [k for k in one if not torch.equal(one[k], two[k])] == []


@pytest.mark.parametrize("rhythm", RHYTHMS)
def test_learns_to_tell_blocks(blocks, tiny, source, rhythm: str) -> None:
    config = settings(rhythm, steps=40, batch=8, lr=1e-2, encoder_lr=1e-2, ema=0.9)
    net = tiny()
    before = evaluate(net, blocks, blocks, blocks.ids, size=SIZE)[0].miou
    models = train(net, source(net, config), config, CHANCE)
    after = evaluate(models.best, blocks, blocks, blocks.ids, size=SIZE)[0].miou
    assert not models.best.training
    assert before < 0.4
    assert after > 0.6


@pytest.mark.parametrize(
    ("rhythm", "killed_at"), [("interactive", 1), ("interactive", 4), ("interactive", 11), ("finetune", 7)]
)
def test_killed_and_resumed_ends_bit_equal(tiny, source, tmp_path: Path, rhythm: str, killed_at: int) -> None:
    config, file = settings(rhythm), tmp_path / "training.pt"
    net = tiny()
    calm = train(net, source(net, config), config, CHANCE)

    def stop(done: int, total: int) -> None:
        if done == killed_at:
            raise KeyboardInterrupt

    net = tiny()
    with pytest.raises(KeyboardInterrupt):
        train(net, source(net, config), config, CHANCE, checkpoint=file, progress=stop)
    assert file.exists() == (killed_at >= 4)
    told: list[tuple[int, int]] = []
    net = tiny()
    resumed = train(
        net, source(net, config), config, CHANCE, checkpoint=file, progress=lambda d, t: told.append((d, t))
    )
    assert told[0] == (killed_at // 4 * 4 + 1, 12)
    assert told[-1] == (12, 12)
    assert_equal(calm, resumed)


@pytest.mark.parametrize("rhythm", RHYTHMS)
def test_the_same_chance_trains_the_same_net_and_the_global_generator_is_left_alone(tiny, source, rhythm: str) -> None:
    config, results = settings(rhythm, steps=3), []
    for noise in (1, 2):
        torch.manual_seed(noise)
        before = torch.get_rng_state()
        net = tiny()
        results.append(train(net, source(net, config), config, CHANCE))
        assert torch.equal(torch.get_rng_state(), before)
    assert_equal(*results)
    net = tiny()
    other = train(net, source(net, config), config, Chance((0, 4, "train")))
    assert not torch.equal(other.main.state_dict()["head.0.weight"], results[0].main.state_dict()["head.0.weight"])


def test_interactive_moves_the_decoder_alone_and_finetune_everything(tiny, source) -> None:
    for rhythm in RHYTHMS:
        config, net = settings(rhythm, steps=2), tiny()
        before = {k: v.clone() for k, v in net.state_dict().items()}
        after = train(net, source(net, config), config, CHANCE).main.state_dict()
        moved = {k.split(".")[0] for k in before if not torch.equal(before[k], after[k])}
        assert moved == ({"decoder", "head"} if rhythm == "interactive" else {"decoder", "head", "encoder"})


def test_the_steps_do_not_depend_on_the_labels(tiny, source, blocks) -> None:
    def few(id: str) -> Settled:
        full = blocks.settled(id)
        label, provenance = full.label.copy(), full.provenance.copy()
        label[4:], provenance[4:] = IGNORE, 0
        return Settled(label, provenance)

    for change in ({}, {"settled": few}, {"ids": blocks.ids[:1], "settled": few}):
        config, net, told = settings(), tiny(), []
        train(net, source(net, config, **change), config, CHANCE, progress=lambda d, t, told=told: told.append((d, t)))
        assert told[-1] == (12, 12)
        assert len(told) == 12


def test_epochs_are_counted_in_images(tiny, source) -> None:
    config, net, told = settings(steps=None, epochs=3), tiny(), []
    train(net, source(net, config), config, CHANCE, progress=lambda d, t: told.append(t))
    assert told == [8] * 8  # 3 x 10 images in batches of 4


@pytest.mark.parametrize(
    "change",
    [
        {"optimiser": "sgd", "lr": 0.05},
        {"schedule": "constant", "ema": 0.0},
        {"schedule": "step", "drop_at": 0.7, "class_weights": "none"},
        {"augmentation": "flip-blur"},
        {"augmentation": "flip-blur", "rhythm": "finetune", "lr": 1e-2, "encoder_lr": 1e-2, "ema": 0.9},
        {"precision": "float32"},
        {"precision": "mixed"},
    ],
)
def test_every_value_of_the_recipe_learns(tiny, source, blocks, change: dict[str, Any]) -> None:
    config, net = settings(steps=30, batch=8, **change), tiny()
    models = train(net, source(net, config), config, CHANCE)
    assert (models.ema is None) == (config.ema == 0)
    assert evaluate(models.best, blocks, blocks, blocks.ids, size=SIZE)[0].miou > 0.4


def test_class_sets_teach(tiny, source, blocks) -> None:
    def sets(id: str) -> Settled:  # every pixel: "grey or red" or "blue", no class at all
        label = blocks.label(id)
        regions = np.where(label == IGNORE, -1, (label == 2).astype(np.int32))
        held = np.full_like(label, IGNORE)
        return Settled(held, (regions >= 0).astype(np.uint8), regions, ((0, 1), (2,)))

    config, net = settings(steps=40, batch=8), tiny()
    models = train(net, source(net, config, settled=sets), config, CHANCE)
    assert evaluate(models.best, blocks, blocks, blocks.ids, size=SIZE)[0].iou[2] > 0.5


def test_a_companion_trains_beside_and_is_resumed(tiny, source, tmp_path: Path) -> None:
    class Brightness:
        """Predicts each image's mean logit from a scalar: a companion with weights and an optimiser of its own."""

        name = "brightness"
        needs = frozenset()

        def start(self, net: torch.nn.Module, course: Course) -> None:
            self.net = torch.nn.Linear(1, 1)
            torch.nn.init.zeros_(self.net.weight)
            torch.nn.init.zeros_(self.net.bias)
            self.optimiser = torch.optim.SGD(self.net.parameters(), lr=0.1, momentum=0.9)

        def model(self) -> torch.nn.Module:
            return self.net

        def prepare(self, batch: Any, unlabelled: Any) -> Any:
            return batch

        def loss(self, outputs: StepOutputs) -> Tensor:
            self.optimiser.zero_grad()
            return (self.net(torch.ones(1, 1)) - outputs.coarse.detach().mean() - 1).pow(2).mean()

        def step(self) -> None:
            self.optimiser.step()

        def state(self) -> dict[str, Any]:
            return {"net": self.net, "optimiser": self.optimiser}

    def stop(done: int, total: int) -> None:
        if done == 9:
            raise KeyboardInterrupt

    config, calm, resumed = settings(), Brightness(), Brightness()
    net = tiny()
    train(net, source(net, config), config, CHANCE, companions=[calm])
    net, file = tiny(), tmp_path / "training.pt"
    with pytest.raises(KeyboardInterrupt):
        train(net, source(net, config), config, CHANCE, checkpoint=file, progress=stop, companions=[Brightness()])
    net = tiny()
    models = train(net, source(net, config), config, CHANCE, checkpoint=file, companions=[resumed])
    assert models.members == {"brightness": resumed.net}
    assert not resumed.net.training
    assert float(calm.net.weight.detach()) != 0
    assert torch.equal(calm.net.weight, resumed.net.weight)


def test_errors(tiny: Callable[..., SegNet], source, blocks, tmp_path: Path) -> None:
    net, config = tiny(), settings()
    with pytest.raises(SeglensError, match="no image has a label"):
        train(net, source(net, config, ids=[]), config, CHANCE)
    with pytest.raises(SeglensError, match=r"train.rhythm: 'interactive' needs a feature cache"):
        train(net, source(net, config, cache=None), config, CHANCE)
    wild = settings(lr=1e30, schedule="constant", precision="float32", class_weights="none")
    with pytest.raises(SeglensError, match=r"the loss is (nan|inf) at step \d+; lower train.lr \(now 1e\+30\)"):
        train(tiny(), source(net, wild), wild, CHANCE)
    save_checkpoint(net, tmp_path / "model.pt")
    with pytest.raises(SeglensError, match=r"model\.pt: not a seglens-training file"):
        train(tiny(), source(net, config), config, CHANCE, checkpoint=tmp_path / "model.pt")
    train(tiny(), source(net, config), config, CHANCE, checkpoint=tmp_path / "t.pt")
    with pytest.raises(SeglensError, match=r"t\.pt: a checkpoint of another training"):
        train(tiny(), source(net, config), config, Chance((1,)), checkpoint=tmp_path / "t.pt")
