"""An explanation's values against their definitions, counted another way."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import softmax
from scipy.stats import entropy

from seglens.evidence import NetEvidence
from seglens.files import encode_id, read_arrays
from seglens.loop import load_config
from seglens.report.explain import NEEDS, Depth, Explanation, Weighing, explain
from seglens.report.lens import Lens, of_run
from seglens.store import Repository
from seglens.types import Chance, SeglensError


def explained_by(run: Path, *settings: str, round: int | None = None, image: int = 0) -> tuple[Lens, Explanation]:
    lens = of_run(run, load_config(run), round, settings=settings)
    return lens, lens.explain(lens.known[0], lens.known[0].ids[image])


@pytest.fixture(scope="module")
def found(explained: Path) -> Explanation:
    return explained_by(explained, "score.weights=[1, 3]")[1]


def test_the_error_is_the_weighted_sum(found: Explanation) -> None:
    assert found.weighing == Weighing({"pae": 0.25, "ebu": 0.75}, "as given")
    assert found.weighing.formula == "0.25 PAE + 0.75 EBU"
    assert np.allclose(found.eem, 0.25 * found.pae + 0.75 * found.entropy, atol=1e-6)


def test_every_map_is_in_range_and_of_the_models_size(found: Explanation) -> None:
    for name in ("proximity", "patches", "entropy", "cam", "pae", "eem"):
        values = getattr(found, name)
        assert values.shape == found.prediction.shape == (64, 96), name
        assert values.dtype == np.float32
        assert np.isfinite(values).all()
        assert values.min() >= -1e-6, name
        assert values.max() <= 1 + 1e-6, name
    assert found.picture.shape == (64, 96, 3)


def test_entropy_and_prediction_are_the_networks(explained: Path) -> None:
    lens = of_run(explained, load_config(explained))
    data = lens.known[1]  # of the evaluation: in full precision
    found = lens.explain(data, data.ids[1])
    pixels = torch.from_numpy(data.image(data.ids[1])).permute(2, 0, 1)[None].float() / 255  # at the model's size
    with torch.no_grad():
        probs = softmax(lens.net(pixels)[0].numpy().astype(np.float64), axis=0)
    assert (found.prediction == probs.argmax(0)).mean() > 0.999
    assert np.abs(found.entropy - entropy(probs, axis=0) / np.log(len(probs))).max() < 1e-3
    shares = {int(c): float((found.prediction == c).mean()) for c in np.unique(found.prediction)}
    assert dict(found.present) == pytest.approx(shares)
    assert [share for _, share in found.present] == sorted(shares.values(), reverse=True)


def test_patches_and_threshold_are_counted_right(found: Explanation) -> None:
    """4 x 6 patches of 16 x 16 pixels: means, then the 95th percentile less one standard deviation."""
    means = found.proximity.reshape(4, 16, 6, 16).mean((1, 3))
    assert np.allclose(found.patches, np.kron(means, np.ones((16, 16))), atol=1e-5)
    assert found.threshold == pytest.approx(np.percentile(means, 95) - means.std(), abs=1e-5)
    assert found.kept == pytest.approx((means >= found.threshold).mean(), abs=1e-6)
    fading = np.where(means >= found.threshold, 1, means / found.threshold).clip(0, 1)
    expected = found.picture * np.kron(fading, np.ones((16, 16)))[..., None]
    assert np.abs(found.informed - expected).max() <= 0.51


def test_candidates_are_ranked_by_summed_error(found: Explanation) -> None:
    assert found.candidates
    totals = []
    for one in found.candidates:
        mask = found.regions == one.rank
        ys, xs = np.nonzero(mask)
        assert one.box == (ys.min(), xs.min(), ys.max() + 1, xs.max() + 1)
        assert one.pixels == mask.sum()
        totals.append(found.eem[mask].sum())
        assert one.total == pytest.approx(totals[-1], rel=1e-4)
        assert one.mean == pytest.approx(found.eem[mask].mean(), rel=1e-4)
        assert one.attention == pytest.approx(found.pae[mask].mean(), rel=1e-4)
        assert one.entropy == pytest.approx(found.entropy[mask].mean(), rel=1e-4)
        assert one.proximity == pytest.approx(found.proximity[mask].mean(), rel=1e-4, abs=1e-6)
        assert f"{one.predicted}, perhaps {one.likely}" in one.sentence
    assert totals == sorted(totals, reverse=True)
    assert set(np.unique(found.regions)) - {0} == {one.rank for one in found.candidates}


def test_plain_values_are_json(found: Explanation) -> None:
    told = json.loads(json.dumps(found.plain(), allow_nan=False))
    assert told["size"] == [64, 96]
    assert told["depth"]["source"] == "ground"
    assert "prior" in told["depth"]["about"]
    assert sum(one["share"] for one in told["classes"]) == pytest.approx(1)
    assert told["mean"]["eem"] == pytest.approx(float(found.eem.mean()), abs=1e-6)
    assert [one["rank"] for one in told["candidates"]] == list(range(1, len(found.candidates) + 1))


def test_the_cheap_variant_is_grad_cam_times_proximity(explained: Path) -> None:
    _, found = explained_by(explained, "score.pae=map")
    assert found.variant == "map"
    assert np.allclose(found.pae, found.cam * found.proximity, atol=1e-5)


def test_maps_without_weight_are_shown_too(explained: Path) -> None:
    _, without_pae = explained_by(explained, "score.weights=[0, 1]")
    assert np.allclose(without_pae.eem, without_pae.entropy)
    assert without_pae.pae.max() > 0
    _, without_ebu = explained_by(explained, "score.weights=[1, 0]")
    assert np.allclose(without_ebu.eem, without_ebu.pae)
    assert np.allclose(without_ebu.entropy, without_pae.entropy, atol=1e-6)
    assert np.allclose(without_ebu.pae, without_pae.pae, atol=1e-6)


def test_it_agrees_with_what_the_loop_kept(explained: Path) -> None:
    """The maps of an image as it was asked about in round 2: by the model of round 1, with the weights learned then."""
    repo = Repository.of_run(explained)
    image = next(query.image for query in repo.queries() if query.round == 2)
    repo.close()
    kept = read_arrays(explained / "rounds" / "002" / "maps" / f"{encode_id(image)}.npz")
    lens = of_run(explained, load_config(explained), 1)
    assert lens.weighing.startswith("learned in round 2")
    found = lens.explain(lens.known[0], image)
    for name, own in (("ebu", found.entropy), ("pae", found.pae), ("proximity", found.proximity), ("score", found.eem)):
        assert np.abs(kept[name] - own).max() < 1e-3, name  # kept as float16


def test_one_image_at_a_time(explained: Path) -> None:
    lens = of_run(explained, load_config(explained))
    data = lens.known[0]
    ev = NetEvidence(data.ids[:2], data, (64, 96), Chance((0,)), NEEDS, lens.net)
    with pytest.raises(SeglensError, match="one image at a time, found 2"):
        explain(ev, None, None, lens.net.classes, Depth("", ""), "", "")  # type: ignore[arg-type]


def test_an_unknown_layer_is_refused(explained: Path) -> None:
    with pytest.raises(SeglensError, match="stride-3"):
        explained_by(explained, "score.layer=stride-3")


def test_a_damaged_model_is_said(explained: Path) -> None:
    lens = of_run(explained, load_config(explained))
    next(lens.net.head.parameters()).data.fill_(torch.nan)
    with pytest.raises(SeglensError, match="not finite"):
        lens.explain(lens.known[1], lens.known[1].ids[0])


def test_learned_weights_of_other_maps_are_named_so(explained: Path) -> None:
    lens, found = explained_by(explained, "score.pae=map")
    assert found.weighing.source == lens.weighing == "learned in round 2, for other maps"
