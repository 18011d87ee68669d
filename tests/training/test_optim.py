import copy

import pytest
import torch

from seglens.config import TrainConfig
from seglens.training.optim import Ema, build_optimiser, learning_rate_factor, set_learning_rate


@pytest.mark.parametrize("steps", [1, 2, 10, 300])
def test_one_cycle_rises_to_1_and_falls_to_0(steps: int) -> None:
    factors = [learning_rate_factor("one-cycle", step, steps) for step in range(steps)]
    assert max(factors) == pytest.approx(1)
    assert all(0 <= f <= 1 for f in factors)
    if steps > 2:
        top = factors.index(max(factors))
        assert factors[: top + 1] == sorted(factors[: top + 1])
        assert factors[top:] == sorted(factors[top:], reverse=True)
        assert factors[-1] == pytest.approx(0, abs=1e-9)


def test_constant_and_step() -> None:
    assert {learning_rate_factor("constant", s, 9) for s in range(9)} == {1.0}
    assert [learning_rate_factor("step", s, 9) for s in range(9)] == [1.0] * 6 + [0.1] * 3


@pytest.mark.parametrize("batches", range(1, 120))
def test_a_drop_at_epoch_35_of_50_is_at_that_epochs_first_step(batches: int) -> None:
    steps = 50 * batches
    factors = [learning_rate_factor("step", step, steps, 0.7) for step in range(steps)]
    assert factors == [1.0] * (35 * batches) + [0.1] * (15 * batches)
    assert [learning_rate_factor("step", s, steps) < 1 for s in range(steps)] == [
        3 * s >= 2 * steps for s in range(steps)
    ]
    assert learning_rate_factor("step", steps - 1, steps, 1.0) == 1


def test_the_papers_optimiser_is_sgd_on_everything(tiny) -> None:
    config = TrainConfig(rhythm="finetune", optimiser="sgd", lr=1e-3, encoder_lr=1e-3, weight_decay=5e-4)
    optimiser = build_optimiser(tiny(), config)
    assert isinstance(optimiser, torch.optim.SGD)
    assert {(g["lr"], g["momentum"], g["weight_decay"], g["nesterov"]) for g in optimiser.param_groups} == {
        (1e-3, 0.9, 5e-4, False)
    }
    set_learning_rate(optimiser, learning_rate_factor("step", 35, 50, 0.7))
    assert [group["lr"] for group in optimiser.param_groups] == pytest.approx([1e-4, 1e-4])


def test_the_encoder_has_a_learning_rate_of_its_own_and_none_when_frozen(tiny) -> None:
    net, config = tiny(), TrainConfig(lr=0.1, encoder_lr=0.01)
    both = build_optimiser(net, config)
    set_learning_rate(both, 0.5)
    assert [group["lr"] for group in both.param_groups] == [0.05, 0.005]
    assert sum(len(group["params"]) for group in both.param_groups) == len(list(net.parameters()))
    net.freeze_encoder()
    (only,) = build_optimiser(net, config).param_groups
    assert len(only["params"]) == len([*net.decoder.parameters(), *net.head.parameters()])


def test_ema_is_the_written_out_average_with_warm_up(tiny) -> None:
    net = tiny()
    ema, wanted = Ema(net, 0.5), net.head[0].weight.detach().clone()
    encoder = copy.deepcopy(net.encoder.state_dict())
    for step in range(8):
        with torch.no_grad():
            for p in net.parameters():
                p.add_(1.0)
        ema.update(net, step)
        decay = min(0.5, (1 + step) / (10 + step))
        wanted = decay * wanted + (1 - decay) * net.head[0].weight.detach()
    torch.testing.assert_close(ema.net.head[0].weight, wanted)
    moved = [k for k, v in ema.net.encoder.state_dict().items() if not torch.equal(v, encoder[k])]
    assert moved


def test_ema_leaves_a_frozen_encoder_and_copies_counters(tiny) -> None:
    net = tiny()
    ema = Ema(net, 0.9)
    net.train()
    net.encoder(torch.rand(2, 3, 32, 64))
    ema.update(net, 100)
    counters = [k for k in net.state_dict() if k.endswith("num_batches_tracked")]
    assert counters
    assert all(torch.equal(ema.net.state_dict()[k], net.state_dict()[k]) for k in counters)
    assert not any(p.requires_grad for p in ema.net.parameters())
