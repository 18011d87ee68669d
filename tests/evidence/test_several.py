"""Views, members, entropies of passes and moved images: against the network itself, whatever the batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from seglens.config import ModelConfig
from seglens.data.streets import Streets
from seglens.evidence import NetEvidence
from seglens.functional.disagreement import mean_and_entropy
from seglens.models import FeatureCache, Heads, SegNet, Snapshots, build_network, load_image
from seglens.models.views import VIEWS
from seglens.types import Chance, SeglensError

SIZE = (64, 96)
CHANCE = Chance((0, 3, "score"))
NEEDS = frozenset({"view:flip", "view:plain", "members:some", "sampled", "perturbed", "probs"})


@pytest.fixture(scope="module")
def data() -> Streets:
    return Streets(Streets.Params(images=3, size=(96, 144)))


def network(data: Streets, seed: int = 0, **model: Any) -> SegNet:
    config = ModelConfig(size=SIZE, width=32, dropout=0.4, weights="random", **model)
    return build_network(config, data.classes, Chance((seed,))).eval()


@pytest.fixture(scope="module")
def net(data: Streets) -> SegNet:
    return network(data)


def evidence(data: Streets, net: SegNet | None, ids: Any = None, **more: Any) -> NetEvidence:
    values = {"needs": NEEDS, "precision": "float32", **more}
    return NetEvidence(list(ids or data.ids), data, SIZE, CHANCE, net=net, **values)


def images(data: Streets, view: str = "plain") -> torch.Tensor:
    return torch.stack([load_image(data, id, SIZE, VIEWS[view]) for id in data.ids])


def snapshots(data: Streets, net: SegNet, whole: bool) -> Snapshots:
    made = Snapshots(net.config.model_dump(mode="json"), net.classes.names, net.classes.colors, 3, whole)
    for number, seat in enumerate(made.seats):
        other = network(data, seed=number + 1).state_dict()
        seat.load_state_dict({k: v for k, v in other.items() if whole or not k.startswith("encoder.")})
    return made.eval()


def heads(net: SegNet) -> Heads:
    torch.manual_seed(3)
    return Heads(net.decoder.out_channels, len(net.classes), 4, net.decoder.head_kernel).eval()


# -- views -----------------------------------------------------------------------------------------------------------


def test_a_view_comes_back_in_the_originals_pixels(data: Streets, net: SegNet) -> None:
    with torch.inference_mode():
        expected = net(images(data, "flip")).softmax(1).flip(-1)
    ev = evidence(data, net)
    torch.testing.assert_close(ev.view("flip"), expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(ev.view("plain"), ev.probs, atol=1e-5, rtol=0)


def test_a_view_is_read_from_the_cache_where_that_holds_it(data: Streets, net: SegNet, tmp_path: Path) -> None:
    caches = {views: FeatureCache(tmp_path, data, net, SIZE, views, 1.0) for views in (("plain", "flip"), ("plain",))}
    for cache in caches.values():
        cache.fill(data.ids)
    seen: list[str] = []

    class Watched(Streets):
        def image(self, id: str) -> Any:
            seen.append(id)
            return super().image(id)

    watched = Watched(Streets.Params(images=3, size=(96, 144)))
    direct = evidence(data, net).view("flip")
    for views, read in ((("plain", "flip"), 0), (("plain",), 3)):
        seen.clear()
        found = evidence(watched, net, cache=caches[views]).view("flip")
        assert len(seen) == read
        torch.testing.assert_close(found, direct, atol=0.02, rtol=0)  # features are kept in float16


# -- passes ----------------------------------------------------------------------------------------------------------


def test_entropies_are_those_of_full_passes(data: Streets, net: SegNet) -> None:
    with torch.inference_mode():
        full = [net(images(data), [CHANCE.child(id, t) for id in data.ids]).softmax(1) for t in range(5)]
    mean, entropy = evidence(data, net).sampled_entropy(5)
    expected_mean, expected_entropy = mean_and_entropy(full)
    torch.testing.assert_close(mean, expected_mean, atol=1e-4, rtol=0)
    torch.testing.assert_close(entropy, expected_entropy, atol=1e-4, rtol=0)
    torch.testing.assert_close(mean, evidence(data, net).sampled(5))


# -- members ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["fpn", "unet"])
def test_heads_share_the_trunk(data: Streets, name: str) -> None:
    net = network(data, name=name)
    some = heads(net)
    found = list(evidence(data, net, member=lambda _: some).members("some"))
    with torch.inference_mode():
        logits = some(net.trunk(net.encode(images(data))))
        expected = [net.enlarge(logits[:, number], SIZE).softmax(1) for number in range(4)]
    assert len(found) == 4
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)
    assert (found[0] - found[1]).abs().max() > 1e-3


def test_snapshots_read_the_main_networks_encoder_or_their_own(data: Streets, net: SegNet) -> None:
    whole, shared = snapshots(data, net, whole=True), snapshots(data, net, whole=False)
    own = list(evidence(data, net, member=lambda _: whole).members("some"))
    from_main = list(evidence(data, net, member=lambda _: shared).members("some"))
    for number in range(3):
        member = network(data, seed=number + 1)
        with torch.inference_mode():
            expected = member(images(data)).softmax(1)
            mixed = member.decode(net.encode(images(data)), SIZE).softmax(1)
        torch.testing.assert_close(own[number], expected, atol=1e-5, rtol=0)
        torch.testing.assert_close(from_main[number], mixed, atol=1e-5, rtol=0)


# -- moved images ----------------------------------------------------------------------------------------------------


def test_moved_images_are_those_of_a_gradient_by_hand(data: Streets, net: SegNet) -> None:
    seen = images(data).requires_grad_()
    (net(seen) / 50).softmax(1).max(1).values.log().sum().backward()
    assert seen.grad is not None
    moved = seen.detach() - 0.01 * torch.sign(-seen.grad)
    net.zero_grad()
    with torch.inference_mode():
        expected = net(moved)
    found = evidence(data, net).perturbed(50.0, 0.01)
    assert (found - expected).abs().mean() < 1e-3  # a sign may turn where a slope is nothing but rounding
    assert (found - evidence(data, net).probs.log()).abs().mean() > 0.01


def test_moving_makes_surer_and_leaves_no_gradient(data: Streets, net: SegNet) -> None:
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with torch.inference_mode():
        plain = net(images(data)).log_softmax(1).amax(1).mean()
    moved = evidence(data, net).perturbed(1.0, 0.002).log_softmax(1).amax(1).mean()
    assert moved > plain
    assert all(p.grad is None for p in net.parameters())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not evidence(data, net).perturbed(1.0, 0.002).requires_grad


def test_moving_reads_the_images_whatever_the_cache_holds(data: Streets, net: SegNet, tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, data, net, SIZE, ("plain",), 1.0)
    cache.fill(data.ids)
    cached = evidence(data, net, cache=cache).perturbed(1000.0, 0.0014)
    assert torch.equal(cached, evidence(data, net).perturbed(1000.0, 0.0014))


# -- all of them -----------------------------------------------------------------------------------------------------


def all_kinds(ev: NetEvidence) -> dict[str, torch.Tensor]:
    mean, entropy = ev.sampled_entropy(3)
    members = torch.stack(list(ev.members("some")), 1)
    return {"view": ev.view("flip"), "mean": mean, "entropy": entropy, "members": members}


@pytest.mark.parametrize("kind", ["heads", "shared", "whole"])
def test_nothing_depends_on_batch_mates_or_changes_the_network(data: Streets, net: SegNet, kind: str) -> None:
    """Batch norms stay in eval: whoever scores beside an image does not change what is said of it."""
    some = heads(net) if kind == "heads" else snapshots(data, net, kind == "whole")
    before = {name: value.clone() for name, value in net.state_dict().items()}
    state = torch.get_rng_state()
    together = all_kinds(evidence(data, net, member=lambda _: some))
    for index, id in enumerate(data.ids):
        alone = all_kinds(evidence(data, net, [id], member=lambda _: some))
        for name, value in alone.items():
            torch.testing.assert_close(value[0], together[name][index], atol=1e-4, rtol=0)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert not net.training


def test_a_moved_image_does_not_depend_on_batch_mates(data: Streets, net: SegNet) -> None:
    together = evidence(data, net).perturbed(1000.0, 0.0014)
    for index, id in enumerate(data.ids):
        alone = evidence(data, net, [id]).perturbed(1000.0, 0.0014)
        assert (alone[0] - together[index]).abs().mean() < 1e-3


READS = {
    "view:flip": lambda ev: ev.view("flip"),
    "members:some": lambda ev: ev.members("some"),
    "sampled": lambda ev: ev.sampled_entropy(2),
    "perturbed": lambda ev: ev.perturbed(1.0, 0.1),
}


@pytest.mark.parametrize("need", READS)
def test_what_was_not_declared_or_has_no_model_is_refused(data: Streets, net: SegNet, need: str) -> None:
    with pytest.raises(SeglensError, match=f"'{need}' was read but not declared"):
        READS[need](evidence(data, net, needs=frozenset({"logits"})))
    with pytest.raises(SeglensError, match="need a model, and there is none before the first training"):
        READS[need](evidence(data, None))


def test_what_is_not_there_is_named(data: Streets, net: SegNet) -> None:
    with pytest.raises(SeglensError, match="no network of companion 'some': add it to companions"):
        evidence(data, net).members("some")
    with pytest.raises(SeglensError, match="passes: found 0, allowed: 1 or more"):
        evidence(data, net).sampled_entropy(0)
    with pytest.raises(SeglensError, match="unknown view 'mirror'"):
        evidence(data, net, needs=frozenset({"view:mirror"})).view("mirror")
