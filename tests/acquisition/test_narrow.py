from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import seglens.acquisition  # noqa: F401 - registers the parts
from seglens.acquisition.narrow.difficulty import level_entropy
from seglens.config import ModelConfig, PartConfig
from seglens.data.streets import Streets
from seglens.evidence import NetEvidence
from seglens.functional.uncertainty import entropy
from seglens.models import DifficultyNet, LossHead, SegNet, build_network
from seglens.protocols import PartContext
from seglens.registry import narrows, scores
from seglens.types import Chance, ImageRows, SeglensError

POOL = ImageRows(tuple(f"image {n}" for n in range(40)))
CHANCE = Chance((0,))
SIZE = (64, 96)


def build(name, **params):
    return narrows.build(PartConfig(name=name, **params), None)


def choose(chance=CHANCE, pool=POOL, **params):
    return build("random-subset", **params).choose(pool, ImageRows(()), chance)


def valued(values, ids=POOL.ids):
    return ImageRows(tuple(ids), {"reduced": np.array(values, float)[:, None]})


def test_it_keeps_as_many_as_asked_in_the_pools_order():
    assert len(choose(images=7)) == 7
    assert len(choose(fraction=0.26)) == 11
    assert choose(images=100) == list(POOL.ids)
    kept = choose(images=7)
    assert kept == [id for id in POOL.ids if id in kept]


def test_another_round_keeps_others():
    assert choose(images=7) != choose(Chance((1,)), images=7)


def test_an_image_that_goes_does_not_change_the_rest():
    kept = choose(images=7)
    rest = ImageRows(tuple(id for id in POOL.ids if id != kept[0]))
    assert set(kept[1:]) < set(choose(pool=rest, images=7))


@pytest.mark.parametrize("name", ["random-subset", "loss-prediction", "core-set", "top-by-score", "difficulty"])
@pytest.mark.parametrize("params", [{}, {"images": 3, "fraction": 0.5}])
def test_one_of_the_two_is_needed(name, params):
    with pytest.raises(SeglensError, match="give either images or fraction"):
        build(name, **params)


@pytest.mark.parametrize("name", ["loss-prediction", "top-by-score"])
def test_the_highest_are_kept_in_the_pools_order(name):
    values = np.random.default_rng(0).permutation(40)
    part = build(name, images=6)
    kept = part.choose(valued(values), ImageRows(()), CHANCE)
    assert kept == [id for id, value in zip(POOL.ids, values, strict=True) if value >= 34]
    assert kept == part.choose(valued(values), valued([1e9], ["elsewhere"]), Chance((1,)))
    back = part.choose(valued(values[::-1], POOL.ids[::-1]), ImageRows(()), CHANCE)
    assert back == kept[::-1]
    assert part.choose(ImageRows(()), ImageRows(()), CHANCE) == []


@pytest.mark.parametrize("name", ["loss-prediction", "top-by-score"])
def test_of_equal_values_the_first_ids_are_kept(name):
    ids = ["d", "b", "a", "e", "c"]
    assert build(name, images=3).choose(valued([1, 1, 1, 2, 1], ids), ImageRows(()), CHANCE) == ["b", "a", "e"]
    assert build(name, images=9).choose(valued([1, 1, 1, 2, 1], ids), ImageRows(()), CHANCE) == ids


def test_a_value_that_is_not_finite_is_named():
    with pytest.raises(SeglensError, match=r"image 'b': its value nan is not finite"):
        build("loss-prediction", images=1).choose(valued([1, np.nan], ["a", "b"]), ImageRows(()), CHANCE)


# -- with a network --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data():
    return Streets(Streets.Params(images=4, size=SIZE))


@pytest.fixture
def net(data):
    return build_network(ModelConfig(size=SIZE, width=32), data.classes, CHANCE).eval()


@pytest.fixture
def encoder_alone(net, monkeypatch):
    def broken(*_: object) -> None:
        raise AssertionError("the decoder ran")

    for piece in (net.decoder, net.head):
        monkeypatch.setattr(piece, "forward", broken)
    with pytest.raises(AssertionError, match="the decoder ran"):
        net(torch.zeros(1, 3, *SIZE))
    return net


def reduced(part, data, net, member=None):
    ev = NetEvidence(data.ids, data, SIZE, CHANCE, part.needs, net, precision="float32", member=member)
    return part.reduce(ev)


def test_the_loss_is_predicted_by_the_encoder_alone(data, encoder_alone: SegNet):
    head = LossHead(encoder_alone.stage_channels).eval()
    part = build("loss-prediction", images=2)
    found = reduced(part, data, encoder_alone, {"loss-head": head}.get)
    assert found.shape == (4, 1)
    images = torch.stack([torch.from_numpy(data.image(id)).movedim(-1, 0) / 255 for id in data.ids])
    with torch.no_grad():
        expected = head(encoder_alone.encode(images, stages=True)["stages"].flatten(1)).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert len(set(found[:, 0].tolist())) == 4


def test_the_loss_cannot_be_predicted_without_its_head(data, net):
    with pytest.raises(SeglensError, match="no network of companion 'loss-head'"):
        reduced(build("loss-prediction", images=2), data, net, lambda name: None)


def test_core_set_reads_the_deepest_features_of_the_encoder_alone(data, encoder_alone: SegNet):
    found = reduced(build("core-set", images=2), data, encoder_alone)
    images = torch.stack([torch.from_numpy(data.image(id)).movedim(-1, 0) / 255 for id in data.ids])
    with torch.no_grad():
        deepest = encoder_alone.encode(images)["stride-32"].mean((2, 3)).numpy()
    np.testing.assert_allclose(found, deepest, atol=1e-5)


def test_core_set_knows_the_deepest_features_of_every_decoder(data):
    net = build_network(ModelConfig(name="deeplabv3plus", size=SIZE, width=32), data.classes, CHANCE).eval()
    assert "stride-32" not in net.taps
    assert len(reduced(build("core-set", images=2), data, net)) == 4


@pytest.mark.parametrize("name", ["entropy", "least-confidence", "margin", "bvsb"])
def test_an_image_is_worth_its_mean_score(data, net, name):
    part = build("top-by-score", images=2, score=name)
    found = reduced(part, data, net)
    ev = NetEvidence(data.ids, data, SIZE, CHANCE, part.needs, net, precision="float32")
    means = scores.build(PartConfig(name=name), None).pixels(ev).value.double().mean((1, 2))
    np.testing.assert_allclose(found[:, 0], means.numpy(), rtol=1e-9)
    kept = part.choose(ImageRows(tuple(data.ids), {"reduced": found}), ImageRows(()), CHANCE)
    assert set(kept) == {data.ids[int(place)] for place in means.topk(2).indices}


def test_top_by_score_keeps_what_the_model_doubts(data, net):
    """By entropy computed from the definition, on logits sharpened for half of the images."""
    part = build("top-by-score", images=2)
    ev = NetEvidence(data.ids, data, SIZE, CHANCE, part.needs, net, precision="float32")
    logits: Tensor = ev.logits * torch.tensor([100.0, 0.1, 100.0, 0.1])[:, None, None, None]
    values = entropy(logits).double().mean((1, 2)).numpy()
    pool = ImageRows(tuple(data.ids), {"reduced": values[:, None]})
    assert part.choose(pool, ImageRows(()), CHANCE) == [data.ids[1], data.ids[3]]


# -- difficulty ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stride", [1, 4])
def test_difficulty_reads_the_map_that_the_branch_makes_of_the_prediction(data, stride):
    model = {4: {"name": "fpn"}, 1: {"name": "unet"}}[stride]
    net = build_network(ModelConfig(size=SIZE, width=32, **model), data.classes, CHANCE).eval()
    branch = DifficultyNet(len(data.classes), net.decoder.stride).eval()
    torch.nn.init.constant_(branch.gamma, 0.5)
    images = torch.stack([torch.from_numpy(data.image(id)).movedim(-1, 0) / 255 for id in data.ids])
    with torch.no_grad():
        maps = net.enlarge(branch.mark(net.coarse(net.encode(images))), SIZE)[:, 0].numpy()
    for rule in ("ds", "de"):
        found = reduced(build("difficulty", images=2, rule=rule, levels=5), data, net, {"difficulty": branch}.get)
        for value, one in zip(found[:, 0], maps, strict=True):
            level = np.minimum((one * 5).astype(int), 4)
            shares = [float((level == k).mean()) for k in range(5)]
            entropies = -sum(p * np.log(p) for p in shares if p) / np.log(5)
            assert value == pytest.approx(one.mean() if rule == "ds" else entropies, abs=1e-4)


def test_an_image_that_is_easy_all_over_has_little_difficulty_entropy():
    """The bins are the same for every image: stretched over each image's own range, these two would score alike."""
    spread = np.random.default_rng(0).random((20, 30))
    easy = spread * 0.05
    stretched = [np.histogram(each, bins=8)[0] / each.size for each in (spread, easy)]
    np.testing.assert_allclose(*stretched, atol=1e-9)
    assert level_entropy(spread, 8) > 0.99
    assert level_entropy(easy, 8) == 0
    assert level_entropy(np.ones((3, 3)), 8) == 0


def test_without_its_companion_difficulty_is_refused(data, net):
    with pytest.raises(SeglensError, match="no network of companion 'difficulty'"):
        reduced(build("difficulty", images=2), data, net, lambda name: None)


# -- core-set --------------------------------------------------------------------------------------------------------


def test_core_set_is_k_center_by_brute_force():
    draw = np.random.default_rng(0)
    points, known = draw.normal(size=(40, 5)), draw.normal(size=(6, 5))
    pool = ImageRows(POOL.ids, {"reduced": points})
    labelled = ImageRows(tuple(f"known {n}" for n in range(6)), {"reduced": known})
    covered, expected = list(known), []
    for _ in range(7):
        far = [min(float(((p - c) ** 2).sum()) for c in covered) for p in points]
        expected.append(int(np.argmax(far)))
        covered.append(points[expected[-1]])
    kept = build("core-set", images=7).choose(pool, labelled, CHANCE)
    assert kept == [POOL.ids[place] for place in sorted(expected)]
    assert set(kept) != set(build("core-set", images=7).choose(pool, ImageRows(()), CHANCE))


def test_core_set_leaves_what_looks_like_a_labelled_image():
    points = np.repeat(np.eye(4), 3, axis=0)  # four modes of three images, two of them labelled
    ids = tuple(f"{mode}{n}" for mode in "abcd" for n in range(3))
    labelled = ImageRows(("a9", "b9"), {"reduced": np.eye(4)[:2]})
    pool = ImageRows(ids, {"reduced": points})
    assert build("core-set", images=2).choose(pool, labelled, CHANCE) == ["c0", "d0"]
    back = ImageRows(ids[::-1], {"reduced": points[::-1]})
    assert build("core-set", images=2).choose(back, labelled, CHANCE) == ["d0", "c0"]
    assert build("core-set", images=2).choose(ImageRows(()), labelled, CHANCE) == []


def test_core_set_of_twenty_thousand_images_takes_seconds():
    points = np.random.default_rng(0).normal(size=(20_000, 64)).astype(np.float32)
    pool = ImageRows(tuple(f"{n:05d}" for n in range(20_000)), {"reduced": points})
    labelled = ImageRows(tuple(f"known {n}" for n in range(200)), {"reduced": points[:200]})
    begun = time.process_time()
    kept = build("core-set", images=400).choose(pool, labelled, CHANCE)
    assert time.process_time() - begun < 5
    assert len(set(kept)) == 400
    assert not set(kept) & set(pool.ids[:200])


# -- what top-by-score refuses ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("score", "why"),
    [
        ("pixbal", "it needs more than the mean of each image, such as sums over the pool"),
        ("explainable-error", "it learns from answers"),
    ],
)
def test_a_score_that_needs_more_than_the_image_is_refused(score, why):
    with pytest.raises(SeglensError, match=rf"narrow 'top-by-score': key 'score', found '{score}': {why}. Allowed: "):
        build("top-by-score", images=2, score=score)


def test_a_score_that_sees_labels_is_refused(monkeypatch):
    monkeypatch.setattr(scores.get("entropy"), "privileged", True)
    with pytest.raises(SeglensError, match="found 'entropy': it sees labels"):
        build("top-by-score", images=2, score="entropy")


def test_the_scores_own_keys_are_checked():
    with pytest.raises(SeglensError, match="score: unknown name 'entropi'; did you mean 'entropy'"):
        build("top-by-score", images=2, score="entropi")
    with pytest.raises(SeglensError, match="score 'vote-entropy': key 'passes', found 0"):
        build("top-by-score", images=2, score={"name": "vote-entropy", "passes": 0})
    assert build("top-by-score", images=2, score="vote-entropy").needs == {"votes"}


def directions(count, dim=16, seed=0):
    return np.random.default_rng(seed).normal(size=(count, dim))


def featured(points, ids):
    return ImageRows(tuple(ids), {"reduced": np.asarray(points, float)})


def test_of_frames_that_look_alike_one_is_left():
    scenes = directions(5)
    frames = np.repeat(scenes, 4, 0) + 1e-3 * directions(20, seed=1)
    ids = [f"scene{n // 4}/{n % 4}" for n in range(20)]
    part = build("near-duplicate", similarity=0.9)
    kept = part.choose(featured(frames, ids), ImageRows(()), CHANCE)
    assert kept == [f"scene{n}/0" for n in range(5)]
    order = np.random.default_rng(2).permutation(20)
    shuffled = featured(frames[order], [ids[n] for n in order])
    assert set(part.choose(shuffled, ImageRows(()), CHANCE)) == set(kept)
    asked = featured(frames[[5]], [ids[5]])  # of scene 1: it stays, its likes go
    assert part.choose(featured(frames, ids), asked, CHANCE) == ["scene0/0", "scene1/1", *kept[2:]]
    elsewhere = featured(frames[[9]], ["elsewhere"])  # looks like scene 2
    assert part.choose(featured(frames, ids), elsewhere, CHANCE) == [id for id in kept if id != "scene2/0"]
    assert build("near-duplicate", similarity=1.0).choose(featured(frames, ids), ImageRows(()), CHANCE) == ids
    assert part.choose(ImageRows(()), ImageRows(()), CHANCE) == []


def test_no_two_that_are_left_are_alike_and_each_that_goes_is_like_one_that_is():
    points = directions(60, dim=3)
    ids = [f"{n:02d}" for n in range(60)]
    kept = build("near-duplicate", similarity=0.8).choose(featured(points, ids), ImageRows(()), CHANCE)
    units = points - points.mean(0)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    alike = units @ units.T
    inside = [ids.index(id) for id in kept]
    outside = [n for n in range(60) if ids[n] not in kept]
    among = alike[np.ix_(inside, inside)] - 2 * np.eye(len(inside))
    assert 1 < len(kept) < 60
    assert among.max() < 0.8
    assert (alike[np.ix_(outside, inside)].max(1) >= 0.8).all()


def test_a_quota_holds_in_each_sequence_and_draws_anew_each_round():
    data = Streets(Streets.Params(images=24, size=SIZE))
    pool = ImageRows(tuple(data.ids))
    groups = {id: data.item(id).group for id in data.ids}
    context = PartContext(data.classes, data, Path(), SIZE)
    part = narrows.build(PartConfig(name="sequence-quota", each=2), context)
    kept = part.choose(pool, ImageRows(()), CHANCE)
    sizes = Counter(groups.values())
    assert max(sizes.values()) > 2
    assert Counter(groups[id] for id in kept) == {group: min(count, 2) for group, count in sizes.items()}
    assert kept == [id for id in data.ids if id in kept]
    back = part.choose(ImageRows(pool.ids[::-1]), ImageRows(()), CHANCE)
    assert back == kept[::-1]
    assert part.choose(pool, ImageRows(()), Chance((1,))) != kept
