import numpy as np
import torch

from seglens.models.views import VIEWS
from seglens.training.targets import LabelStore, collate, fit_label, provenance_weights
from seglens.types import IGNORE, Provenance, Settled

WEIGHTS = provenance_weights({"person": 1.0, "simulated": 0.8, "extended": 0.5, "machine": 0.25})


def blank(height: int, width: int) -> Settled:
    return Settled(np.full((height, width), IGNORE, np.uint8), np.zeros((height, width), np.uint8))


def test_a_single_pixel_survives_wherever_it_lies() -> None:
    for y in range(12):
        for x in range(20):
            settled = blank(12, 20)
            settled.label[y, x], settled.provenance[y, x] = 2, Provenance.PERSON
            label = fit_label(settled, VIEWS["plain"], (4, 7))
            assert (label.index == 2).nonzero().tolist() == [[y * 4 // 12, x * 7 // 20]]
            assert int(label.provenance[y * 4 // 12, x * 7 // 20]) == Provenance.PERSON
            flip = fit_label(settled, VIEWS["flip"], (4, 7))
            assert (flip.index == 2).nonzero().tolist() == [[y * 4 // 12, (19 - x) * 7 // 20]]


def test_dense_labels_are_nearest() -> None:
    draw = np.random.default_rng(0)
    settled = Settled(draw.integers(0, 5, (24, 40)).astype(np.uint8), np.ones((24, 40), np.uint8))
    for name, view in VIEWS.items():
        wanted = view.label(torch.from_numpy(settled.label), (12, 20))
        assert torch.equal(fit_label(settled, view, (12, 20)).index, wanted), name


def test_index_provenance_and_regions_are_of_one_pixel() -> None:
    draw = np.random.default_rng(1)
    label = draw.integers(0, 4, (24, 40)).astype(np.uint8)
    label[draw.random(label.shape) < 0.8] = IGNORE
    known = label != IGNORE
    regions = np.where(known, label.astype(np.int32), -1)
    settled = Settled(label, np.where(known, label + 1, 0).astype(np.uint8), regions, ((0,), (1,), (2,), (3,)))
    for view in VIEWS.values():
        fitted = fit_label(settled, view, (10, 16))
        found = fitted.index != IGNORE
        assert found.float().mean() > 0.4  # 1 - 0.8^6 would be all; nearest alone 0.2
        assert torch.equal(fitted.provenance[found], fitted.index[found] + 1)
        assert fitted.regions is not None
        assert torch.equal(fitted.regions[found], fitted.index[found].int())
        assert (fitted.regions[~found] == -1).all()
        assert (fitted.provenance[~found] == 0).all()


def test_collate_weighs_by_provenance_and_joins_the_sets() -> None:
    one, two, three = blank(4, 4), blank(4, 4), blank(4, 4)
    one.label[0], one.provenance[0] = 1, Provenance.EXTENDED
    regions = np.full((4, 4), -1, np.int32)
    regions[1], regions[2] = 0, 1
    two = Settled(two.label, (regions >= 0).astype(np.uint8), regions, ((0, 1), (1, 2)))
    three = Settled(three.label, (regions >= 0).astype(np.uint8), np.where(regions == 1, 0, -1), ((0, 2),))
    labels = [fit_label(s, VIEWS["plain"], (4, 4)) for s in (one, two, three)]
    targets = collate(labels, WEIGHTS, 3)
    assert targets.index.dtype == torch.int64
    assert targets.weight[0].tolist() == [[0.5] * 4] + [[0.0] * 4] * 3
    assert targets.regions is not None
    assert targets.sets is not None
    assert targets.sets.int().tolist() == [[1, 1, 0], [0, 1, 1], [1, 0, 1]]
    assert [set(targets.regions[i].unique().tolist()) for i in range(3)] == [{-1}, {-1, 0, 1}, {-1, 2}]
    assert collate(labels[:1], WEIGHTS, 3).regions is None


def test_the_store_keeps_to_its_limit_and_gives_the_same() -> None:
    asked: list[str] = []

    def settled(id: str) -> Settled:
        asked.append(id)
        result = blank(8, 8)
        result.label[int(id)], result.provenance[int(id)] = 1, 1
        return result

    store = LabelStore(settled, (8, 8), limit_bytes=2 * 64 * 2)
    first = [store.get(str(i), "plain").index for i in range(3)]
    again = [store.get(str(i), "plain").index for i in range(3)]
    assert asked == ["0", "1", "2", "2"]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
