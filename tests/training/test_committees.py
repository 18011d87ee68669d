"""Snapshots and heads: beside a training that they leave as it is, bit-equal on resume, saved whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from seglens.config import PartConfig, TrainConfig
from seglens.models import Heads, SegNet, Snapshots, load_image, load_member, save_member
from seglens.models.committee import Absent
from seglens.protocols import Companion, PartContext
from seglens.registry import companions
from seglens.training import Course, TrainSource, train
from seglens.training.batches import Batches
from seglens.training.companions.heads import HeadsCompanion, bootstrap, resampled
from seglens.training.companions.snapshots import SnapshotsCompanion, due
from seglens.training.losses import partial_cross_entropy
from seglens.training.precision import Precision
from seglens.training.recipe import run_step
from seglens.types import IGNORE, Chance, ModelSet, SeglensError, Targets

CHANCE = Chance((0, 1, "train"))
NAMES = ["snapshots", "heads"]
RHYTHMS = ["interactive", "finetune"]
Source = Callable[..., TrainSource]


def settings(rhythm: str = "interactive", **change: object) -> TrainConfig:
    values = {"rhythm": rhythm, "steps": 10, "batch": 4, "checkpoint_steps": 4, "loss_pixels": 256}
    return TrainConfig.model_validate({**values, **change})


@pytest.fixture
def part(blocks, tmp_path: Path) -> Callable[..., Companion]:
    context = PartContext(blocks.classes, blocks, tmp_path, (32, 64))

    def build(name: str, **params: object) -> Companion:
        built: Companion = companions.build(PartConfig.model_validate({"name": name, **params}), context)
        return built

    return build


def trained(parts: list[Companion], net: SegNet, source: Source, config: TrainConfig, **more: object) -> ModelSet:
    return train(net, source(net, config), config, CHANCE, companions=parts, **more)  # type: ignore[arg-type]


def differing(a: nn.Module, b: nn.Module) -> list[str]:
    one, two = a.state_dict(), b.state_dict()
    assert one.keys() == two.keys()
    return [key for key in one if not torch.equal(one[key], two[key])]


# -- both ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rhythm", RHYTHMS)
def test_the_training_is_the_same_without_it_bit_for_bit(tiny, source, part, name: str, rhythm: str) -> None:
    config = settings(rhythm, steps=5)
    alone, beside = trained([], tiny(), source, config), trained([part(name)], tiny(), source, config)
    assert differing(alone.main, beside.main) == []
    assert alone.ema is not None
    assert beside.ema is not None
    assert differing(alone.ema, beside.ema) == []
    assert list(beside.members) == [name]
    assert not any(module.training for module in beside.members[name].modules())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("rhythm", "killed_at"), [("interactive", 6), ("interactive", 9), ("finetune", 7)])
def test_killed_and_resumed_ends_bit_equal(tiny, source, part, tmp_path: Path, name, rhythm, killed_at) -> None:
    config, file = settings(rhythm), tmp_path / "training.pt"
    calm = trained([part(name)], tiny(), source, config)

    def stop(done: int, total: int) -> None:
        if done == killed_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained([part(name)], tiny(), source, config, checkpoint=file, progress=stop)
    resumed = trained([part(name)], tiny(), source, config, checkpoint=file)
    assert differing(calm.main, resumed.main) == []
    assert differing(calm.members[name], resumed.members[name]) == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rhythm", RHYTHMS)
def test_it_is_saved_and_loaded_as_a_member(tiny, source, part, blocks, tmp_path: Path, name, rhythm) -> None:
    models = trained([part(name, count=3)], tiny(), source, settings(rhythm, steps=3))
    committee, net = models.members[name], models.main.eval()
    save_member(committee, tmp_path / "member.pt")
    again = load_member(tmp_path / "member.pt")
    assert differing(again, committee) == []
    images = torch.stack([load_image(blocks, id, (32, 64)) for id in blocks.ids[:2]])
    with torch.inference_mode():
        said = [list(c.eval().opinions(net, lambda by: by.encode(images))) for c in (committee, again)]
        shape = net.coarse(net.encode(images)).shape
    assert [len(found) for found in said] == [3, 3]
    for one, two in zip(*said, strict=True):
        assert one.shape == shape
        assert torch.equal(one, two)


@pytest.mark.parametrize("name", NAMES)
def test_a_second_training_starts_anew(tiny, source, part, name: str) -> None:
    companion, config = part(name), settings(steps=4)
    first = trained([companion], tiny(), source, config).members[name]
    again = trained([companion], tiny(), source, config).members[name]
    assert again is not first
    assert differing(again, first) == []


@pytest.mark.parametrize("name", NAMES)
def test_bad_values_are_refused(part, name: str) -> None:
    with pytest.raises(SeglensError, match=f"companion '{name}': key 'count', found 1"):
        part(name, count=1)
    with pytest.raises(SeglensError, match=f"{name}: no training has begun"):
        part(name).model()


# -- snapshots -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rhythm", RHYTHMS)
def test_snapshots_are_what_the_model_was(tiny, source, part, rhythm: str) -> None:
    seen: dict[int, dict[str, Tensor]] = {}

    class Witness(SnapshotsCompanion):
        def step(self) -> None:
            super().step()
            assert self._net is not None
            seen[self._steps] = {key: value.clone() for key, value in self._net.state_dict().items()}

    witness = Witness(part("snapshots", count=3).params, None)  # type: ignore[arg-type]
    models = trained([witness], tiny(), source, settings(rhythm, steps=12))
    committee = models.members["snapshots"]
    assert isinstance(committee, Snapshots)
    assert committee.whole == (rhythm == "finetune")
    for seat, step in zip(committee.seats, (8, 10, 12), strict=True):
        state = seat.state_dict()
        assert all(torch.equal(value, seen[step][key]) for key, value in state.items())
        assert isinstance(seat.encoder, Absent) == (rhythm == "interactive")
        assert any(key.startswith("encoder.") for key in state) == (rhythm == "finetune")
    assert not torch.equal(committee.seats[0].head[0].weight, committee.seats[2].head[0].weight)


@pytest.mark.parametrize(("count", "share", "steps"), [(4, 0.5, 450), (5, 1.0, 7), (2, 0.1, 100), (4, 0.5, 1)])
def test_snapshots_are_evenly_spaced_and_end_with_the_training(count: int, share: float, steps: int) -> None:
    found = due(count, share, steps)
    apart = np.diff(found)
    assert found[-1] == steps
    assert found[0] > (1 - share) * steps - 1e-9
    assert apart.max() - apart.min() <= 1


# -- heads -----------------------------------------------------------------------------------------------------------


def test_a_bootstrap_is_as_large_as_what_it_is_drawn_from() -> None:
    ids = [f"i{n}" for n in range(200)]
    drawn = torch.stack(list(bootstrap(ids, 6, CHANCE).values()), 1)
    assert drawn.sum(1).tolist() == [200] * 6
    assert (drawn == 0).float().mean() == pytest.approx(1 / np.e, abs=0.03)
    assert (drawn[0] != drawn[1]).any()
    assert torch.equal(torch.stack(list(bootstrap(ids, 6, CHANCE).values()), 1), drawn)
    assert bootstrap(["alone"], 2, CHANCE)["alone"].tolist() == [1, 1]


def test_a_sample_weighs_as_if_its_images_came_so_often() -> None:
    draw = torch.Generator().manual_seed(0)
    logits, index = torch.randn(3, 4, 5, 1, generator=draw), torch.randint(4, (3, 5, 1), generator=draw)
    index[:, 0] = IGNORE
    targets = Targets(index, torch.rand(3, 5, 1, generator=draw))
    found = partial_cross_entropy(logits, resampled(targets, torch.tensor([2.0, 0.0, 1.0])))
    often = [0, 0, 2]
    expected = partial_cross_entropy(logits[often], Targets(index[often], targets.weight[often]))
    torch.testing.assert_close(found, expected)
    regions = torch.zeros(3, 5, 1, dtype=torch.int32)
    left = resampled(Targets(index, targets.weight, regions), torch.tensor([2.0, 0.0, 1.0])).regions
    assert left is not None
    assert (left[1] == -1).all()
    assert (left[[0, 2]] == 0).all()


def test_the_heads_loss_reaches_the_heads_alone(tiny, source, part, blocks) -> None:
    net, config = tiny(), settings("finetune", class_weights="none")
    learnt = source(net, config)
    companion = part("heads", count=2)
    companion.start(net, Course(learnt, config, CHANCE, 10))
    outputs = run_step(net, Batches(learnt, config, CHANCE, (32, 64), 3).batch(0), Precision(False, False))
    companion._drawn = {id: torch.ones(2) for id in blocks.ids}
    assert outputs.trunk is not None
    torch.testing.assert_close(net.classify(outputs.trunk, outputs.batch.chances), outputs.coarse)
    companion.loss(outputs).backward()
    assert all(p.grad is None for p in net.parameters())
    assert all(bool(weight.any()) for weight in companion._heads.weight.grad)


def test_a_head_does_not_see_images_outside_its_sample(tiny, source, part, blocks) -> None:
    net, config = tiny(), settings("finetune", class_weights="none")
    learnt = source(net, config)
    batch = Batches(learnt, config, CHANCE, (32, 64), 3).batch(0)
    outputs = run_step(net, batch, Precision(False, False))
    companion = part("heads", count=2)
    companion.start(net, Course(learnt, config, CHANCE, 10))
    companion._drawn = {id: torch.tensor([0.0, 1.0]) for id in blocks.ids}
    companion.loss(outputs).backward()
    grads = companion._heads.weight.grad
    assert not grads[0].any()
    assert grads[1].any()


def test_heads_are_averaged_as_the_model_is(tiny, source, part) -> None:
    seen: list[Tensor] = []

    class Witness(HeadsCompanion):
        def step(self) -> None:
            super().step()
            assert self._heads is not None
            seen.append(self._heads.weight.detach().clone())

    params = part("heads").params
    models = trained([Witness(params, None)], tiny(), source, settings(steps=5, ema=0.3))  # type: ignore[arg-type]
    plain = part("heads")
    trained([plain], tiny(), source, settings(steps=5, ema=0.0))
    torch.testing.assert_close(plain.model().weight, seen[-1])
    first = part("heads")
    net = tiny()
    first.start(net, Course(source(net, settings()), settings(), CHANCE, 5))
    expected = first.model().weight.detach().clone()
    for step, weight in enumerate(seen):
        decay = min(0.3, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * weight
    committee = models.members["heads"]
    assert isinstance(committee, Heads)
    torch.testing.assert_close(committee.weight, expected)


def test_heads_learn_and_do_not_agree(tiny, source, part, blocks) -> None:
    net, config = tiny(), settings(steps=60, batch=8)
    models = trained([part("heads")], net, source, config)
    net = models.best
    assert isinstance(net, SegNet)
    images = torch.stack([load_image(blocks, id, (32, 64)) for id in blocks.ids])
    with torch.inference_mode():
        said = list(models.members["heads"].opinions(net, lambda by: by.encode(images)))
        main = net.coarse(net.encode(images)).argmax(1)
    for one in said:
        assert (one.argmax(1) == main).float().mean() > 0.8
    assert (said[0].argmax(1) != said[1].argmax(1)).any()
