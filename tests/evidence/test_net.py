from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from seglens.config import ModelConfig
from seglens.data.streets import Streets
from seglens.evidence import NetEvidence
from seglens.functional.uncertainty import entropy
from seglens.models import FeatureCache, build_network, load_image
from seglens.types import Chance, Region, SeglensError

SIZE = (64, 96)


@pytest.fixture(scope="module")
def data() -> Streets:
    return Streets(Streets.Params(images=3, size=(96, 144)))


@pytest.fixture(scope="module")
def net(data: Streets):
    return build_network(ModelConfig(size=SIZE, width=32), data.classes, Chance((0,))).eval()


def test_logits_and_probs_are_the_networks(data: Streets, net) -> None:
    ev = NetEvidence(data.ids, data, SIZE, Chance((0,)), frozenset({"probs"}), net)
    images = torch.stack([load_image(data, id, SIZE) for id in data.ids])
    with torch.inference_mode():
        expected = net(images)
    assert ev.logits.shape == (3, 19, *SIZE)
    assert ev.logits.dtype == torch.float32
    scale = expected.abs().max()
    assert (ev.logits - expected).abs().max() < 0.05 * scale  # bfloat16 where the CPU has it
    torch.testing.assert_close(ev.probs, ev.logits.softmax(1))


def test_parts_cannot_tell_the_cache_from_the_net(data: Streets, net, tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, data, net, SIZE, ("plain",), 1.0)
    cache.fill(data.ids)
    needs = frozenset({"logits", "features"})
    direct = NetEvidence(data.ids, data, SIZE, Chance((0,)), needs, net)
    cached = NetEvidence(data.ids, data, SIZE, Chance((0,)), needs, net, cache)
    scale = direct.logits.abs().max()
    assert (direct.logits - cached.logits).abs().max() < 0.05 * scale
    assert cached.features("stride-8").shape == direct.features("stride-8").shape
    with pytest.raises(SeglensError, match="no features at tap 'stride-3'"):
        cached.features("stride-3")


def test_what_was_not_declared_cannot_be_read(data: Streets, net) -> None:
    ev = NetEvidence(data.ids, data, SIZE, Chance((0,)), frozenset({"logits"}), net)
    with pytest.raises(SeglensError, match="'probs' was read but not declared"):
        _ = ev.probs
    with pytest.raises(SeglensError, match="'features' was read but not declared"):
        ev.features("stride-8")
    without = NetEvidence(data.ids, data, SIZE, Chance((0,)), frozenset({"logits"}))
    with pytest.raises(SeglensError, match="none before the first training"):
        _ = without.logits


def test_answered_is_what_was_asked_about(data: Streets) -> None:
    first = data.ids[0]
    region = Region(first, (96, 144), np.array([[0, 144 * 48]], np.int32), "grid", 0)
    ev = NetEvidence(data.ids, data, SIZE, Chance((0,)), asked=lambda id: [region] if id == first else [])
    assert ev.asked(1) is None
    assert ev.answered[0, :32].all()
    assert not ev.answered[0, 32:].any()
    assert not ev.answered[1:].any()


def test_scores_do_not_depend_on_how_the_pool_is_chunked(data: Streets, net) -> None:
    needs = frozenset({"logits"})
    together = NetEvidence(data.ids, data, SIZE, Chance((0,)), needs, net, precision="float32")
    for index, id in enumerate(data.ids):
        alone = NetEvidence([id], data, SIZE, Chance((0,)), needs, net, precision="float32")
        torch.testing.assert_close(entropy(alone.logits)[0], entropy(together.logits)[index], atol=1e-4, rtol=0)


def full_passes(net, data, ids, chance: Chance, passes: int) -> torch.Tensor:
    """(passes, N, C, h, w): the whole network on every image, again and again."""
    images = torch.stack([load_image(data, id, SIZE) for id in ids])
    with torch.inference_mode():
        return torch.stack([net(images, [chance.child(id, t) for id in ids]) for t in range(passes)])


@pytest.fixture(scope="module", params=["fpn", "unet"])
def dropping(data: Streets, request):
    config = ModelConfig(name=request.param, size=SIZE, width=32, dropout=0.4)
    return build_network(config, data.classes, Chance((1,))).eval()


def test_votes_equal_full_passes_with_equal_masks(data: Streets, dropping) -> None:
    chance = Chance((0, 3, "score"))
    ev = NetEvidence(data.ids, data, SIZE, chance, frozenset({"votes"}), dropping, precision="float32")
    classes = full_passes(dropping, data, data.ids, chance, 6).argmax(2)
    expected = torch.nn.functional.one_hot(classes, 19).sum(0).movedim(-1, 1).float()
    votes = ev.votes(6)
    assert votes.shape == (3, 19, *SIZE)
    assert (votes != expected).float().mean() < 1e-4  # two classes equal but for rounding
    assert (votes.amax(1) < 6).any(), "the passes differ"


def test_sampled_probabilities_are_the_mean_of_full_passes(data: Streets, dropping) -> None:
    chance = Chance((0, 3, "score"))
    ev = NetEvidence(data.ids, data, SIZE, chance, frozenset({"sampled"}), dropping, precision="float32")
    expected = full_passes(dropping, data, data.ids, chance, 4).softmax(2).mean(0)
    torch.testing.assert_close(ev.sampled(4), expected, atol=1e-4, rtol=0)


def test_votes_do_not_depend_on_batch_order_or_cache(data: Streets, net, tmp_path: Path) -> None:
    needs = frozenset({"votes"})
    together = NetEvidence(data.ids, data, SIZE, Chance((0,)), needs, net, precision="float32").votes(5)
    back = NetEvidence(data.ids[::-1], data, SIZE, Chance((0,)), needs, net, precision="float32").votes(5)
    assert (together.flip(0) != back).float().mean() < 1e-4
    cache = FeatureCache(tmp_path, data, net, SIZE, ("plain",), 1.0)
    cache.fill(data.ids)
    cached = NetEvidence(data.ids, data, SIZE, Chance((0,)), needs, net, cache, precision="float32").votes(5)
    assert (cached != together).float().mean() < 0.02  # features are kept in float16


def test_votes_leave_the_batch_norms_and_torchs_chance_alone(data: Streets, net) -> None:
    before = {name: value.clone() for name, value in net.state_dict().items()}
    state = torch.get_rng_state()
    NetEvidence(data.ids, data, SIZE, Chance((0,)), frozenset({"votes"}), net).votes(3)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)


def test_votes_need_a_pass_a_model_and_a_word(data: Streets, net) -> None:
    both = frozenset({"votes", "sampled"})
    ev = NetEvidence(data.ids, data, SIZE, Chance((0,)), both, net)
    with pytest.raises(SeglensError, match="passes: found 0, allowed: 1 or more"):
        ev.votes(0)
    with pytest.raises(SeglensError, match="passes: found 0, allowed: 1 or more"):
        ev.sampled(0)
    with pytest.raises(SeglensError, match="'votes' was read but not declared"):
        NetEvidence(data.ids, data, SIZE, Chance((0,)), frozenset({"logits"}), net).votes(2)
    with pytest.raises(SeglensError, match="votes need a model, and there is none"):
        NetEvidence(data.ids, data, SIZE, Chance((0,)), both).votes(2)
