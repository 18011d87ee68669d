"""Companions that learn from images without labels: what they say, bit-equal on resume, whatever the rhythm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from seglens.config import PartConfig, TrainConfig
from seglens.models import SegNet
from seglens.protocols import PartContext, Shown
from seglens.registry import companions
from seglens.training import Course, TrainSource, evaluate, train
from seglens.training.batches import Batches
from seglens.training.companions.begun import mirror
from seglens.training.losses import merged_positive, prototypical
from seglens.training.optim import Ema
from seglens.training.pixels import logits_at
from seglens.training.precision import Precision
from seglens.training.recipe import run_step
from seglens.types import IGNORE, Chance, ModelSet, SeglensError, Settled

CHANCE = Chance((0, 1, "train"))
SIZE = (32, 64)
EXACT = Precision(False, False)


def settings(rhythm: str = "interactive", **change: object) -> TrainConfig:
    values = {"rhythm": rhythm, "steps": 6, "batch": 2, "checkpoint_steps": 2, "loss_pixels": 2048, **change}
    return TrainConfig.model_validate(values)


@pytest.fixture
def part(blocks, tmp_path: Path) -> Callable[..., Any]:
    context = PartContext(blocks.classes, blocks, tmp_path, SIZE)
    return lambda name, **params: companions.build(PartConfig.model_validate({"name": name, **params}), context)


@pytest.fixture
def few(tiny, source) -> Callable[..., TrainSource]:
    """Two labelled images of ten; the last round's model is another one."""

    def build(net: SegNet, config: TrainConfig, **change: object) -> TrainSource:
        full = source(net, config)
        values = {"ids": full.ids[:2], "pool": full.ids, "round": 1, "last": lambda: tiny(1), **change}
        return source(net, config, **values)  # type: ignore[no-any-return]

    return build


def differing(a: torch.nn.Module, b: torch.nn.Module) -> list[str]:
    one, two = a.state_dict(), b.state_dict()
    return [key for key in one if not torch.equal(one[key], two[key])]


TEACHER = {"name": "mean-teacher", "threshold": 0.4, "images": 3}
EVERY: list[tuple[str, int, dict[str, Any]]] = [
    ("interactive", 3, {**TEACHER, "mix": True, "sees": "both"}),
    ("interactive", 5, {**TEACHER, "images": 0, "sees": "same"}),
    ("finetune", 5, {**TEACHER, "mix": True}),
    ("interactive", 5, {"name": "confident", "entropy": 1.5, "images": 2}),
    ("interactive", 5, {"name": "consistency"}),
    ("finetune", 3, {"name": "consistency", "images": 1}),
    ("interactive", 5, {"name": "prototypical"}),
]


@pytest.mark.parametrize(("rhythm", "killed_at", "values"), EVERY)
def test_killed_and_resumed_ends_bit_equal_after_as_many_steps(
    tiny, few, part, tmp_path: Path, rhythm: str, killed_at: int, values: dict[str, Any]
) -> None:
    config, file, told = settings(rhythm), tmp_path / "training.pt", []

    def run(**more: Any) -> ModelSet:
        net = tiny()
        change = {"settled": in_sets} if values["name"] == "prototypical" else {}
        return train(net, few(net, config, **change), config, CHANCE, companions=[part(**values)], **more)

    def in_sets(id: str) -> Settled:
        full = few(tiny(), config).data.settled(id)
        regions = np.where(full.label == IGNORE, -1, (full.label == 2).astype(np.int32))
        return Settled(np.full_like(full.label, IGNORE), full.provenance, regions, ((0, 1), (0, 2)))

    def stop(done: int, total: int) -> None:
        if done == killed_at:
            raise KeyboardInterrupt

    calm = run(progress=lambda done, total: told.append((done, total)))
    assert told == [(step + 1, 6) for step in range(6)]
    with pytest.raises(KeyboardInterrupt):
        run(checkpoint=file, progress=stop)
    resumed = run(checkpoint=file)
    assert differing(calm.main, resumed.main) == []
    assert (calm.members, resumed.members) == ({}, {})
    net = tiny()
    change = {"settled": in_sets} if values["name"] == "prototypical" else {}
    assert differing(calm.main, train(net, few(net, config, **change), config, CHANCE).main) != []


@pytest.mark.parametrize("values", [TEACHER, {"name": "consistency"}])
@pytest.mark.parametrize("rhythm", ["interactive", "finetune"])
def test_one_labelled_image_is_enough_and_labels_still_teach(
    tiny, few, part, blocks, values: dict[str, Any], rhythm: str
) -> None:
    config = settings(rhythm, steps=25, lr=1e-2, encoder_lr=1e-2, ema=0.9)
    net = tiny()
    models = train(net, few(net, config, ids=blocks.ids[:1]), config, CHANCE, companions=[part(**values)])
    assert evaluate(models.best, blocks, blocks, blocks.ids, size=SIZE)[0].miou > 0.4


def begun(tiny: Any, few: Any, built: Any, **more: Any) -> tuple[SegNet, Any, Any]:
    """The network, a batch, its outputs: as a step of the recipe would hand them to a companion."""
    config = settings(precision="float32")
    net = tiny()
    given = few(net, config, **more)
    net.freeze_encoder()
    weights = torch.tensor([1.0, 2.0, 4.0])
    built.start(net, Course(given, config, CHANCE, 10, weights))
    shown = {built.unlabelled_images} if isinstance(built, Shown) else set()
    batch = Batches(given, config, CHANCE, SIZE, 3, shown).batch(0)
    net.train()
    built.prepare(batch, batch.unlabelled[built.unlabelled_images] if shown else None)
    return net, batch, run_step(net, batch, EXACT)


def brute(logits: Tensor, probs: Tensor, believed: Tensor, weights: Tensor) -> float:
    """Weighted cross-entropy with the likeliest class of ``probs``, where believed, times the share of those."""
    labels = probs.argmax(1)
    each = -logits.log_softmax(1).gather(1, labels[:, None])[:, 0]
    weight = believed * weights[labels]
    return float(believed.float().mean() * (each * weight).sum() / weight.sum())


@pytest.mark.parametrize("images", [0, 3])
@pytest.mark.parametrize("sees", ["same", "mirrored", "both"])
def test_the_mean_teacher_labels_where_it_is_sure(tiny, few, part, images: int, sees: str) -> None:
    built = part("mean-teacher", images=images, sees=sees, threshold=0.37, warm_up=0.5, weight=3)
    net, batch, outputs = begun(tiny, few, built)
    assert built.loss(outputs).item() == 0  # step 0 of the warm-up
    built.steps = 2
    teacher, given = tiny().eval(), batch.unlabelled[images]
    views = {"same": [False], "mirrored": [True], "both": [False, True]}[sees]
    full = []
    with torch.no_grad():
        for turned in views:
            features = mirror(given, SIZE[1]).features if turned else given.features
            logits = teacher.coarse(features).softmax(1)
            full.append(logits.flip(-1) if turned else logits)  # 64 columns are 16 cells, without padding
        coarse = torch.stack(full).mean(0)
        at = torch.nn.functional.interpolate(coarse, scale_factor=4, mode="bilinear")
        y, x = given.places.long().unbind(-1)
        probs = torch.stack([at[n, :, y[n], x[n]] for n in range(len(at))])[..., None]
        sure = probs.amax(1) >= 0.37
        assert 0 < sure.float().mean() < 1
        logits = run_step(net, given, EXACT).logits
    expected = 3 * 0.4 * brute(logits, probs, sure, torch.tensor([1.0, 2.0, 4.0]))
    found = built.loss(outputs)
    assert found.item() == pytest.approx(expected, rel=1e-3)
    found.backward()
    assert net.head[0].weight.grad is not None
    assert all(p.grad is None for p in built.teacher().parameters())


def test_the_teacher_is_the_average_of_the_learner(tiny, few, part) -> None:
    built = part("mean-teacher", decay=0.5)
    net, _, _ = begun(tiny, few, built)
    other = Ema(net, 0.5)
    for step in range(3):
        with torch.no_grad():
            net.head[0].weight += 1
        built.step()
        other.update(net, step)
    assert differing(built.teacher(), other.net) == []


def test_confident_believes_the_last_rounds_model_less_each_round(tiny, few, part) -> None:
    values = {"entropy": 1.57, "decay": 0.01, "images": 3, "balanced": False}
    for round in (1, 2):
        built = part("confident", **values)
        net, batch, outputs = begun(tiny, few, built, round=round)
        given = batch.unlabelled[3]
        with torch.no_grad():
            coarse = tiny(1).eval().coarse(given.features).softmax(1)
            probs = logits_at(coarse, given.places, 4)
            low = -(probs * probs.log2()).sum(1) <= 1.57 - 0.01 * (round - 1)
            logits = run_step(net, given, EXACT).logits
        assert 0 < low.float().mean() < 1
        assert built.loss(outputs).item() == pytest.approx(brute(logits, probs, low, torch.ones(3)), rel=1e-4)
    built = part("confident", **values)
    _, _, outputs = begun(tiny, few, built, last=lambda: None)
    assert built.loss(outputs).item() == 0


@pytest.mark.parametrize("images", [0, 3])
def test_consistency_compares_with_the_mirror_image(tiny, few, part, images: int) -> None:
    built = part("consistency", images=images, weight=2)
    net, batch, outputs = begun(tiny, few, built)
    given = batch.unlabelled[images]
    with torch.no_grad():
        one = net.coarse(given.features, given.chances)
        other = net.coarse(given.mirrored, given.chances).flip(-1)
        at = torch.nn.functional.interpolate(one - other, scale_factor=4, mode="bilinear")
    assert built.loss(outputs).item() == pytest.approx(2 * float(at.square().mean()), rel=1e-3)  # every pixel is drawn


def test_prototypical_adds_what_the_recipe_lacks(tiny, few, part, blocks) -> None:
    def in_sets(id: str) -> Settled:
        label = blocks.label(id)
        regions = np.where(label == IGNORE, -1, 0).astype(np.int32)
        return Settled(np.full_like(label, IGNORE), np.ones_like(label), regions, ((0, 2),))

    built = part("prototypical")
    _, _, outputs = begun(tiny, few, built, settled=in_sets)
    merged, typical = (loss(outputs.logits, outputs.targets) for loss in (merged_positive, prototypical))
    assert (merged + built.loss(outputs)).item() == pytest.approx((0.5 * merged + typical / 16).item(), rel=1e-5)


def test_what_cannot_be_is_refused(tiny, few, part) -> None:
    config, net = settings(views=("plain",)), tiny()
    for values in ({"name": "mean-teacher"}, {"name": "consistency"}):
        with pytest.raises(
            SeglensError, match=f"companion '{values['name']}' reads mirror images, found .'plain'.; add"
        ):
            train(net, few(net, config), config, CHANCE, companions=[part(**values)])
    train(net, few(net, config), config, CHANCE, companions=[part("mean-teacher", sees="same")])
    with pytest.raises(SeglensError, match="consistency: no training has begun"):
        _ = part("consistency").learner
    with pytest.raises(SeglensError, match="companion 'mean-teacher': key 'threshold', found 1"):
        part("mean-teacher", threshold=1)
