"""Losses without labels against brute force; images put together; batches that read no label."""

from __future__ import annotations

import math

import pytest
import torch

from seglens.config import TrainConfig
from seglens.training import TrainSource
from seglens.training.batches import Batches
from seglens.training.class_mix import class_masks, mix, mix_images
from seglens.training.pixels import logits_at, sample_anywhere
from seglens.training.pseudo import cell_centres, disagreement, mirrored_places, pseudo_label_loss
from seglens.training.source import draw_batch
from seglens.types import IGNORE, Chance

SIZE = (32, 64)
CHANCE = Chance((0, 1, "train"))


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_of_pseudo_labels_equals_brute_force(generator: torch.Generator, weighted: bool) -> None:
    logits = torch.randn(2, 3, 7, 1, generator=generator)
    labels = torch.randint(0, 3, (2, 7, 1), generator=generator)
    believed = torch.rand(2, 7, 1, generator=generator) > 0.5
    counted = torch.ones(2, 7, 1)
    counted[1, 4:] = 0
    by_class = torch.tensor([1.0, 3.0, 9.0]) if weighted else None
    total = whole = sure = 0.0
    for n, i in [(n, i) for n in range(2) for i in range(7) if counted[n, i, 0] and believed[n, i, 0]]:
        c = int(labels[n, i, 0])
        weight = float(by_class[c]) if by_class is not None else 1.0
        total -= weight * float(logits[n, :, i, 0].log_softmax(0)[c])
        whole += weight
        sure += 1
    mine = pseudo_label_loss(logits, labels, believed, counted, by_class)
    assert float(mine) == pytest.approx(sure / 11 * total / whole, rel=1e-5)


def test_where_nothing_is_believed_nothing_is_learnt() -> None:
    logits = torch.randn(1, 3, 4, 1, requires_grad=True)
    loss = pseudo_label_loss(
        logits, torch.zeros(1, 4, 1, dtype=torch.int64), torch.zeros(1, 4, 1).bool(), torch.ones(1, 4, 1)
    )
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert float(logits.grad.abs().max()) == 0


def test_disagreement_is_the_mean_square(generator: torch.Generator) -> None:
    one, other = torch.randn(2, 2, 3, 5, 1, generator=generator)
    counted = torch.ones(2, 5, 1)
    assert float(disagreement(one, other, counted)) == pytest.approx(float((one - other).pow(2).mean()), rel=1e-5)
    counted[1] = 0
    assert float(disagreement(one, other, counted)) == pytest.approx(float((one - other)[0].pow(2).mean()), rel=1e-5)


def test_a_map_mirrored_and_mirrored_back_is_itself_though_padding_stands_right(generator: torch.Generator) -> None:
    image = torch.randn(1, 3, 8, 20, generator=generator)  # of 24 columns 20 are the image: cells of 4
    stride, width = 4, 20
    cells = image[:, :, ::4, ::4]
    padded = torch.nn.functional.pad(cells, (0, 1, 0, 0), mode="replicate")
    seen = torch.nn.functional.pad(cells.flip(-1), (0, 1, 0, 0), mode="replicate")
    places = mirrored_places(cell_centres((2, 6), stride), width)
    back = logits_at(seen, places, stride).view(padded.shape)
    torch.testing.assert_close(back[..., :5], padded[..., :5])


def test_half_of_the_classes_are_pasted_and_all_else_is_the_next_images() -> None:
    labels = torch.tensor([[[0, 1, 2], [0, 1, 2]], [[3, 3, 3], [3, 3, 3]]])
    masks = class_masks(labels, [CHANCE, CHANCE])
    assert len(labels[0][masks[0]].unique()) == 2  # of three, rounded up
    assert set(labels[0][masks[0]].tolist()).isdisjoint(labels[0][~masks[0]].tolist())
    assert masks[1].all()
    values = torch.arange(12.0).view(2, 1, 2, 3)
    mixed = mix(values, masks)
    assert torch.equal(mixed[0, 0], torch.where(masks[0], values[0, 0], values[1, 0]))
    assert torch.equal(mixed[1], values[1])
    large = mix(values.repeat_interleave(4, 2).repeat_interleave(4, 3), masks)
    assert torch.equal(large[..., 1::4, 1::4], mixed)
    images = values.expand(2, 3, 2, 3).repeat_interleave(4, 2).repeat_interleave(4, 3)[..., :7, :10]
    assert torch.equal(mix_images(images, masks, 4), large.expand(2, 3, -1, -1)[..., :7, :10])
    drawn = {tuple(labels[0][class_masks(labels[:1], [Chance((seed,))])[0]].unique().tolist()) for seed in range(20)}
    assert drawn == {(0, 1), (0, 2), (1, 2)}


def test_places_lie_anywhere_inside() -> None:
    inside = torch.zeros(2, 4, 6, dtype=torch.bool)
    inside[0, 1:3, 2:5] = True
    inside[1] = True
    places, targets = sample_anywhere(inside, 10, [CHANCE, CHANCE.child(1)])
    assert (targets.index == IGNORE).all()
    assert targets.weight[0, :, 0].tolist() == [1.0] * 6 + [0.0] * 4
    assert {(math.floor(y), math.floor(x)) for y, x in places[0, :6].tolist()} == {
        (y, x) for y in (1, 2) for x in (2, 3, 4)
    }
    assert targets.weight[1].min() == 1


@pytest.mark.parametrize("rhythm", ["interactive", "finetune"])
def test_batches_without_labels_read_none_and_come_from_the_whole_pool(blocks, tiny, source, rhythm: str) -> None:
    config = TrainConfig.model_validate({"rhythm": rhythm, "steps": 12, "batch": 4})
    net = tiny()
    full = source(net, config)
    read: list[str] = []

    def settled(id: str) -> object:
        read.append(id)
        return full.settled(id)

    few = TrainSource(full.data, full.ids[:1], settled, full.cache, full.data.ids)  # type: ignore[arg-type]
    batches = Batches(few, config, CHANCE, SIZE, 3, {0, 3})
    seen: set[str] = set()
    for step in range(4):
        batch, again = batches.batch(step), batches.batch(step)
        own, other = batch.unlabelled[0], batch.unlabelled[3]
        assert own.ids == batch.ids == [full.ids[0]] * 4
        assert len(other.ids) == 3
        seen |= set(other.ids)
        for shown, same in ((own, again.unlabelled[0]), (other, again.unlabelled[3])):
            assert (shown.targets.index == IGNORE).all()
            assert shown.targets.regions is None
            assert (shown.ids, shown.chances) == (same.ids, same.chances)
            assert torch.equal(shown.places, same.places)
        one, two = (batch.features, own.features) if rhythm == "interactive" else ({"": batch.images}, {"": own.images})
        assert one is not None
        assert two is not None
        assert all(torch.equal(one[tap], two[tap]) for tap in one)
        if rhythm == "interactive":
            draws = draw_batch(few.pool, step, 3, CHANCE.child("unlabelled"))
            views = [d.chance.child("view").numpy().integers(2) for d in draws]
            assert other.mirrored is not None
            for tap, value in other.mirrored.items():
                twins = full.cache.get(other.ids, ["flip" if v == 0 else "plain" for v in views])
                assert torch.equal(value, twins[tap])
    assert len(seen) > 5
    assert set(read) == {full.ids[0]}
