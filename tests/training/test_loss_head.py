"""The companion that predicts losses: beside a training, in both rhythms, and bit-equal on resume."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from seglens.config import PartConfig, TrainConfig
from seglens.models import FeatureCache, LossHead, SegNet
from seglens.protocols import Companion, PartContext
from seglens.registry import companions
from seglens.training import Course, TrainSource, train
from seglens.training.batches import Batches
from seglens.training.companions.loss_head import LossHeadCompanion
from seglens.training.losses import image_losses
from seglens.training.precision import Precision
from seglens.training.recipe import StepOutputs, run_step
from seglens.types import IGNORE, Chance, ImageId, ModelSet, Provenance, SeglensError, Settled, Targets

CHANCE = Chance((0, 1, "train"))
LITE = "tu-tf_efficientnet_lite0"
Part = Callable[..., LossHeadCompanion]


def settings(rhythm: str = "interactive", **change: object) -> TrainConfig:
    values = {"rhythm": rhythm, "steps": 10, "batch": 4, "checkpoint_steps": 3, "loss_pixels": 256}
    return TrainConfig.model_validate({**values, **change})


@pytest.fixture
def net(tiny) -> SegNet:
    built: SegNet = tiny(encoder=LITE)
    return built


@pytest.fixture
def part(blocks, tmp_path: Path) -> Part:
    context = PartContext(blocks.classes, blocks, tmp_path, (32, 64))

    def build(**params: object) -> LossHeadCompanion:
        built: LossHeadCompanion = companions.build(PartConfig.model_validate({"name": "loss-head", **params}), context)
        return built

    return build


@pytest.fixture
def staged(blocks, source, tmp_path: Path) -> Callable[..., TrainSource]:
    """As ``source``, with the stages in the cache."""

    def build(net: SegNet, config: TrainConfig, **change: object) -> TrainSource:
        cache = None
        if config.rhythm == "interactive":
            cache = FeatureCache(tmp_path / "staged", blocks, net, (32, 64), config.views, 1.0, stages=True)
        found: TrainSource = source(net, config, **{"cache": cache, **change})
        return found

    return build


def trained(parts: list[Companion], net: SegNet, source: TrainSource, config: TrainConfig, **more: object) -> ModelSet:
    return train(net, source, config, CHANCE, companions=parts, **more)


def differing(a: torch.nn.Module, b: torch.nn.Module) -> list[str]:
    one, two = a.state_dict(), b.state_dict()
    assert one.keys() == two.keys()
    return [key for key in one if not torch.equal(one[key], two[key])]


def test_the_interactive_training_is_the_same_without_it_bit_for_bit(tiny, part: Part, staged, source) -> None:
    config, alone, beside = settings(), tiny(encoder=LITE), tiny(encoder=LITE)
    trained([], alone, source(alone, config), config)
    models = trained([part()], beside, staged(beside, config), config)
    assert differing(alone, beside) == []
    assert isinstance(models.members["loss-head"], LossHead)
    assert not models.members["loss-head"].training


def test_the_finetuned_training_is_not_the_same_without_it(tiny, part: Part, staged) -> None:
    config, alone, beside = settings("finetune", steps=2), tiny(encoder=LITE), tiny(encoder=LITE)
    trained([], alone, staged(alone, config), config)
    trained([part()], beside, staged(beside, config), config)
    assert any(key.startswith("encoder.") for key in differing(alone, beside))


@pytest.mark.parametrize(("detach_after", "reached"), [(0.0, 0), (0.3, 3), (0.6, 6), (1.0, 10)])
def test_it_teaches_the_encoder_until_told_to_stop(net, part: Part, staged, detach_after: float, reached: int) -> None:
    config = settings("finetune", class_weights="none")
    source = staged(net, config)
    companion = part(detach_after=detach_after, margin=1e6)  # never learnt: the loss always pulls
    companion.start(net, Course(source, config, CHANCE, 10))
    batches = Batches(source, config, CHANCE, (32, 64), 3)
    outputs = run_step(net, batches.batch(0), Precision(False, False), stages=True)
    inside = [p for p in net.encoder.parameters() if p.requires_grad]
    for step in range(10):
        pulled = torch.autograd.grad(companion.loss(outputs), inside, retain_graph=True, allow_unused=True)
        assert any(g is not None and bool(g.any()) for g in pulled) == (step < reached)
        companion.loss(outputs).backward(retain_graph=True)
        assert any(p.grad is not None and bool(p.grad.any()) for p in companion.model().parameters())
        companion.step()
        assert all(p.grad is None for p in companion.model().parameters())


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_its_rate_follows_the_runs_schedule(net, part: Part, staged, optimiser: str) -> None:
    config = settings(schedule="step", drop_at=0.7)
    companion = part(optimiser=optimiser, lr=0.02)
    companion.start(net, Course(staged(net, config), config, CHANCE, 10))
    rates = []
    for _ in range(10):
        companion.step()
        rates.append(companion.state()["optimiser"].param_groups[0]["lr"])
    assert rates == pytest.approx([0.02] * 7 + [0.002] * 3)


def outputs(losses: list[float], stages: Tensor) -> StepOutputs:
    """Of images whose cross-entropy over one pixel is ``losses``; NaN = no labelled pixel."""
    # two classes, logits (0, z): the loss of class 0 is log(1 + e^z)
    z = torch.tensor([float(np.log(np.expm1(loss))) if loss == loss else 0.0 for loss in losses])
    logits = torch.stack([torch.zeros_like(z), z], 1)[:, :, None, None].requires_grad_()
    index = torch.tensor([0 if loss == loss else IGNORE for loss in losses], dtype=torch.int64)[:, None, None]
    targets = Targets(index, torch.ones(len(losses), 1, 1))
    torch.testing.assert_close(image_losses(logits.detach(), targets), torch.tensor(losses), equal_nan=True)
    return StepOutputs(logits, targets, logits, {"stages": stages[:, :, None, None]})


@pytest.mark.parametrize(
    "losses", [[], [1.0], [torch.nan, 2.0], [1.0, 2.0, torch.nan], [3.0, 1.0, 2.0], [torch.nan] * 3, [4.0, 1.0]]
)
def test_odd_batches_and_images_without_labels(net, part: Part, staged, losses: list[float]) -> None:
    config = settings()
    companion = part(weight=0.5, margin=2.0)
    companion.start(net, Course(staged(net, config), config, CHANCE, 10))
    stages = torch.randn(len(losses), 592, generator=Chance((0,)).torch())
    said = companion.model()(stages)[:, 0].tolist()
    known = [place for place, loss in enumerate(losses) if loss == loss]
    expected = 0.0
    if len(known) > 1:  # in each of these cases one pair: the first two, when all or the first are known
        i, j = known[0], known[1]
        expected = 0.5 * max(0.0, -np.sign(losses[i] - losses[j]) * (said[i] - said[j]) + 2.0)
    loss = companion.loss(outputs(losses, stages))
    assert loss.item() == pytest.approx(expected, abs=1e-5)
    loss.backward()
    assert all(p.grad is not None and bool(torch.isfinite(p.grad).all()) for p in companion.model().parameters())
    assert any(bool(p.grad.any()) for p in companion.model().parameters() if p.grad is not None) == (len(known) > 1)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("rhythm", ["interactive", "finetune"])
def test_any_batch_size_trains_with_partial_labels(blocks, net, part: Part, staged, rhythm: str, batch: int) -> None:
    def sparse(id: ImageId) -> Settled:
        label = np.full((48, 80), IGNORE, np.uint8)
        if id != "b3":  # of which nothing is labelled
            label[5:9, 5 : 10 + int(id[1:])] = blocks.label(id)[5:9, 5 : 10 + int(id[1:])]
        return Settled(label, np.where(label == IGNORE, Provenance.NONE, Provenance.SIMULATED).astype(np.uint8))

    config = settings(rhythm, batch=batch, steps=6)
    models = trained([part()], net, staged(net, config, settled=sparse), config)
    assert all(bool(torch.isfinite(p).all()) for p in models.members["loss-head"].parameters())


@pytest.mark.parametrize(("rhythm", "killed_at"), [("interactive", 5), ("interactive", 9), ("finetune", 7)])
def test_killed_and_resumed_ends_bit_equal(tiny, part: Part, staged, tmp_path: Path, rhythm: str, killed_at: int):
    config, file = settings(rhythm), tmp_path / "training.pt"

    def one(**more: object) -> ModelSet:
        net = tiny(encoder=LITE)
        return trained([part(detach_after=0.6)], net, staged(net, config), config, **more)

    def stop(done: int, total: int) -> None:
        if done == killed_at:
            raise KeyboardInterrupt

    calm = one()
    with pytest.raises(KeyboardInterrupt):
        one(checkpoint=file, progress=stop)
    resumed = one(checkpoint=file)
    assert differing(calm.main, resumed.main) == []
    assert differing(calm.members["loss-head"], resumed.members["loss-head"]) == []


def test_its_weights_come_from_the_trainings_chance(net, part: Part, staged) -> None:
    config, companion = settings(), part()
    course = Course(staged(net, config), config, CHANCE, 10)
    torch.manual_seed(3)
    state = torch.get_rng_state()
    companion.start(net, course)
    first = companion.model()
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(4)
    companion.start(net, course)
    assert companion.model() is not first
    assert differing(companion.model(), first) == []
    companion.start(net, Course(course.source, config, CHANCE.child("other"), 10))
    assert differing(companion.model(), first) != []


def test_it_learns_which_images_are_hard(blocks, net, part: Part, staged) -> None:
    """Images whose labels are noise are hard for ever: the head is to see which, from the stages alone."""
    dark = [id for id in blocks.ids if int(id[1:]) % 2]

    class Dimmed(type(blocks)):
        def image(self, id: ImageId):
            seen = super().image(id)
            return seen // 4 if id in dark else seen

        def settled(self, id: ImageId) -> Settled:
            label = Chance((id, "noise")).numpy().integers(0, 3, (48, 80)).astype(np.uint8)
            if id not in dark:
                label[:] = 0
            return Settled(label, np.full((48, 80), Provenance.SIMULATED, np.uint8))

    data = Dimmed(10)
    config = settings(steps=40)
    cache = FeatureCache(staged(net, config).cache.path.parent, data, net, (32, 64), config.views, 1.0, stages=True)
    models = trained([part()], net, TrainSource(data, data.ids, data.settled, cache), config)
    head = models.members["loss-head"]
    with torch.no_grad():
        said = head(cache.get(data.ids)["stages"].float().flatten(1))[:, 0]
    hard = torch.tensor([id in dark for id in data.ids])
    assert said[hard].min() > said[~hard].max()


def test_what_cannot_work_is_refused(tiny, part: Part, staged) -> None:
    with pytest.raises(SeglensError, match="loss-head: no training has begun"):
        part().model()
    with pytest.raises(SeglensError, match=r"companion 'loss-head': key 'detach_after', found 1\.5"):
        part(detach_after=1.5)
    net, config = tiny(), settings("finetune")
    with pytest.raises(SeglensError, match=r"model\.encoder: 'tu-test_efficientnet' has no named stages"):
        trained([part()], net, staged(net, config), config)
