import math

import pytest
import torch
from torch.nn import functional

from seglens.training.losses import (
    log_frequency_weights,
    merged_positive,
    partial_cross_entropy,
    prototypical,
    rank_loss,
)
from seglens.types import IGNORE, Chance, Targets


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_cross_entropy_equals_brute_force(generator: torch.Generator) -> None:
    logits = torch.randn(2, 3, 4, 5, generator=generator) * 3
    index = torch.randint(0, 4, (2, 4, 5), generator=generator)
    index[index == 3] = IGNORE
    weight, by_class = torch.rand(2, 4, 5, generator=generator), torch.tensor([1.0, 2.0, 5.0])
    total = whole = 0.0
    for n, y, x in [(n, y, x) for n in range(2) for y in range(4) for x in range(5)]:
        c = int(index[n, y, x])
        if c != IGNORE:
            row = [math.exp(float(v)) for v in logits[n, :, y, x]]
            w = float(weight[n, y, x] * by_class[c])
            total -= w * math.log(row[c] / sum(row))
            whole += w
    mine = partial_cross_entropy(logits, Targets(index, weight), by_class)
    assert float(mine) == pytest.approx(total / whole, rel=1e-5)


def test_cross_entropy_with_equal_weights_is_torchs(generator: torch.Generator) -> None:
    logits = torch.randn(2, 3, 4, 5, generator=generator)
    index = torch.randint(0, 3, (2, 4, 5), generator=generator)
    index[0] = IGNORE  # normalised over the batch, not by image
    by_class = torch.tensor([1.0, 2.0, 5.0])
    mine = partial_cross_entropy(logits, Targets(index, torch.ones(2, 4, 5)), by_class)
    torch.testing.assert_close(mine, functional.cross_entropy(logits, index, by_class, ignore_index=IGNORE))


def test_no_label_at_all_costs_nothing_and_has_a_gradient_of_0() -> None:
    logits = torch.randn(1, 3, 2, 2, requires_grad=True)
    targets = Targets(torch.full((1, 2, 2), IGNORE), torch.ones(1, 2, 2))
    loss = partial_cross_entropy(logits, targets) + merged_positive(logits, targets) + prototypical(logits, targets)
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert float(logits.grad.abs().max()) == 0


def test_extreme_logits_stay_finite() -> None:
    logits = torch.tensor([[[[1e4]], [[-1e4]], [[0.0]]]], requires_grad=True)
    sets = torch.tensor([[False, True, True]])
    targets = Targets(torch.tensor([[[1]]]), torch.ones(1, 1, 1), torch.zeros(1, 1, 1, dtype=torch.int32), sets)
    loss = partial_cross_entropy(logits, targets) + merged_positive(logits, targets)
    loss.backward()
    assert loss.item() == pytest.approx(2e4 + 1e4)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_merged_positive_equals_brute_force(generator: torch.Generator) -> None:
    logits = torch.randn(2, 4, 6, 5, generator=generator) * 2
    regions = torch.randint(-1, 3, (2, 6, 5), generator=generator)
    regions[regions == 1] = -1  # an entry that no pixel carries counts for nothing
    sets = torch.tensor([[1, 1, 0, 0], [1, 0, 0, 1], [0, 1, 1, 1]]).bool()
    p = logits.softmax(1)
    by_region = []
    for region in (0, 2):
        values = []
        for n, y, x in (regions == region).nonzero().tolist():
            values.append(-math.log(sum(float(p[n, c, y, x]) for c in range(4) if sets[region, c])))
        by_region.append(sum(values) / len(values))
    empty = torch.full((2, 6, 5), IGNORE)
    mine = merged_positive(logits, Targets(empty, torch.ones(2, 6, 5), regions.int(), sets))
    assert float(mine) == pytest.approx(sum(by_region) / 2, rel=1e-5)


def test_the_prototypical_loss_equals_brute_force_and_moves_one_pixel_a_class(generator: torch.Generator) -> None:
    logits = (torch.randn(2, 4, 6, 5, generator=generator) * 2).requires_grad_()
    regions = torch.randint(-1, 3, (2, 6, 5), generator=generator)
    regions[regions == 1] = -1
    sets = torch.tensor([[1, 1, 0, 0], [1, 0, 0, 1], [0, 1, 1, 1]]).bool()
    p = logits.detach().softmax(1)
    values, moved = [], set()
    for region in (0, 2):
        places = [tuple(place) for place in (regions == region).nonzero().tolist()]
        for c in sets[region].nonzero()[:, 0].tolist():
            n, y, x = max(places, key=lambda at: float(p[at[0], c, at[1], at[2]]))
            values.append(-math.log(float(p[n, c, y, x])))
            moved.add((n, y, x))
    targets = Targets(torch.full((2, 6, 5), IGNORE), torch.ones(2, 6, 5), regions.int(), sets)
    mine = prototypical(logits, targets)
    assert mine.item() == pytest.approx(sum(values) / len(values), rel=1e-5)
    mine.backward()
    assert logits.grad is not None
    assert {tuple(place) for place in logits.grad.abs().sum(1).nonzero().tolist()} == moved


def test_a_set_of_one_class_is_cross_entropy_and_of_all_is_nothing(generator: torch.Generator) -> None:
    logits = torch.randn(1, 3, 4, 4, generator=generator)
    here = torch.zeros(1, 4, 4, dtype=torch.int32)
    one = Targets(torch.full((1, 4, 4), IGNORE), torch.ones(1, 4, 4), here, torch.tensor([[False, True, False]]))
    wanted = functional.cross_entropy(logits, torch.ones(1, 4, 4, dtype=torch.long))
    torch.testing.assert_close(merged_positive(logits, one), wanted)
    every = Targets(one.index, one.weight, here, torch.ones(1, 3, dtype=torch.bool))
    assert float(merged_positive(logits, every)) == pytest.approx(0, abs=1e-6)


def test_rare_classes_weigh_more() -> None:
    weights = log_frequency_weights(torch.tensor([900, 100, 0]))
    wanted = [1 / math.log(1.1 + share) for share in (0.9, 0.1, 0.0)]
    assert weights.tolist() == pytest.approx(wanted, rel=1e-6)
    assert torch.isfinite(log_frequency_weights(torch.zeros(3, dtype=torch.int64))).all()


def ranked_by_a_loop(predicted: list[float], true: list[float], margin: float) -> float:
    known = [place for place, value in enumerate(true) if value == value]
    count = len(known) // 2
    total = 0.0
    for one in range(count):
        i, j = known[one], known[2 * count - 1 - one]
        order = (true[i] > true[j]) - (true[i] < true[j])
        total += max(0.0, -order * (predicted[i] - predicted[j]) + margin)
    return total / count if count else 0.0


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 8])
@pytest.mark.parametrize("unknown", [0, 1, 3])
def test_the_ranking_loss_is_the_loops(count: int, unknown: int) -> None:
    predicted = torch.randn(count, generator=Chance((count,)).torch(), requires_grad=True)
    true = torch.rand(count, generator=Chance((count, "true")).torch())
    true[torch.arange(min(unknown, count)) * 2 % max(1, count)] = torch.nan
    loss = rank_loss(predicted, true, 0.7)
    assert loss.item() == pytest.approx(ranked_by_a_loop(predicted.tolist(), true.tolist(), 0.7), abs=1e-6)
    loss.backward()
    assert predicted.grad is not None
    assert torch.isfinite(predicted.grad).all()
    assert (predicted.grad[true.isnan()] == 0).all()


def test_the_ranking_loss_asks_the_larger_to_be_predicted_larger() -> None:
    true = torch.tensor([1.0, 2.0, 3.0, 4.0])
    assert float(rank_loss(true, true)) == 0.0
    assert float(rank_loss(-true, true)) == pytest.approx(3.0)  # pairs 3 and 1 apart, the wrong way, plus 1
    assert float(rank_loss(-true, true, 0.0)) == pytest.approx(2.0)


def test_images_that_are_equally_hard_pull_nowhere() -> None:
    predicted = torch.tensor([0.0, 5.0], requires_grad=True)
    rank_loss(predicted, torch.ones(2)).backward()
    assert predicted.grad is not None
    assert (predicted.grad == 0).all()
