from __future__ import annotations

from pathlib import Path

import pytest
import torch

from seglens.models import DifficultyNet, load_member, save_member
from seglens.models import difficulty as module
from seglens.protocols import Marker


def logits(shape, seed=0):
    return 3 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def drawn(stride=4, gamma=0.7):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        net = DifficultyNet(3, stride)
    torch.nn.init.constant_(net.gamma, gamma)
    return net.eval()


def by_loops(net, z):
    """The formula, place by place."""
    p = z.softmax(0).flatten(1).double()
    values = []
    for i in range(p.shape[1]):
        weight = torch.tensor([float(p[:, i] @ p[:, j]) for j in range(p.shape[1])], dtype=torch.float64).exp()
        attended = sum(w * p[:, j] for j, w in enumerate(weight / weight.sum()))
        seen = (float(net.gamma) * attended + p[:, i]).float()
        hidden = (net.hidden.weight[:, :, 0, 0] @ seen + net.hidden.bias).relu()
        values.append(float(net.last.weight[0, :, 0, 0] @ hidden + net.last.bias[0]))
    return torch.tensor(values).view(z.shape[1:])


def test_it_is_the_formula():
    net, z = drawn(), logits((2, 3, 4, 5))
    with torch.no_grad():
        for found, one in zip(net(z), z, strict=True):
            torch.testing.assert_close(found[0], by_loops(net, one), atol=1e-5, rtol=1e-5)
        assert torch.equal(net.mark(z), net(z).sigmoid())


def test_it_begins_without_attention():
    assert float(DifficultyNet(3, 4).gamma.detach()) == 0


@pytest.mark.parametrize("stride", [1, 2, 4, 8])
def test_it_looks_at_stride_four_and_answers_at_the_decoders(stride):
    net, z = drawn(stride), logits((1, 3, 16, 24))
    with torch.no_grad():
        found = net(z)
        assert found.shape == (1, 1, 16, 24)
        shrunk = torch.nn.functional.avg_pool2d(z.softmax(1), max(4 // stride, 1))
        small = drawn(4)(shrunk.clamp_min(1e-12).log())
        expected = torch.nn.functional.interpolate(small, (16, 24), mode="bilinear")
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_what_is_too_large_to_attend_is_averaged_first(monkeypatch):
    net = drawn()
    z = logits((1, 3, 3, 4)).repeat_interleave(2, 2).repeat_interleave(2, 3)  # squares of four equal places
    with torch.no_grad():
        whole = net(z)
        monkeypatch.setattr(module, "POSITIONS", 12)
        seen = module._attended(z.softmax(1))
        exact = module._attended(logits((1, 3, 3, 4)).softmax(1))
        coarse = net(z)
    expected = torch.nn.functional.interpolate(exact, (6, 8), mode="bilinear")
    torch.testing.assert_close(seen, expected)
    torch.testing.assert_close(coarse, whole, atol=0.05, rtol=0.05)
    with torch.no_grad():  # odd sizes keep their shape
        assert net(logits((1, 3, 7, 9))).shape == (1, 1, 7, 9)


def test_it_is_saved_and_loaded(tmp_path: Path):
    net, z = drawn(2), logits((1, 3, 8, 8))
    save_member(net, tmp_path / "difficulty.pt")
    again = load_member(tmp_path / "difficulty.pt")
    assert isinstance(again, DifficultyNet)
    assert isinstance(again, Marker)
    assert torch.equal(again(z), net(z))
