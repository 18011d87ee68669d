"""How far can the explanations be trusted? Whether they point at real errors, and whether they help a person.

    python benchmarks/explanations.py --json                 # both datasets, 3 seeds; a few minutes each
    python benchmarks/explanations.py --sets streets --seeds 1

Each seed trains one model on a tenth of the pool's images, fits the learned weights on another tenth (predictions made
before those labels were known, as in the loop), and judges every map on images that neither has seen:

- does the map rank wrong pixels first? AUROC, AUPRC, and the share of all errors in its top 5 %, over all pixels and
  ranked within near pixels (the nearest third: exact depth on streets, the true labels' ground contact on CamVid);
- deletion and insertion: the mean probability of the predicted classes while the map's highest pixels are blurred
  away, or brought back, first (area under the curve over the share of pixels);
- the sanity check: the same map made of a network with random weights;
- the order of work inside an image: superpixels answered by falling map, at equal clicks, against other orders.

The last line of the output is the results as one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from explanation_tables import summary, tables
from provenance import ROOT, commit, machine
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score
from torchvision.transforms.v2.functional import gaussian_blur

from seglens.acquisition.presets import load_preset
from seglens.acquisition.score.error_weights import EQUAL, Weights, fit
from seglens.acquisition.score.explainable_error import ExplainableError
from seglens.config import RunConfig, read_yaml, resolve
from seglens.data import open_labels
from seglens.data.streets import Streets
from seglens.files import encode_id
from seglens.functional.ground import ground_proximity
from seglens.functional.metrics import confusion_matrix, miou
from seglens.functional.roles import roles
from seglens.functional.uncertainty import margin
from seglens.loop import Workbench, create, drive
from seglens.models import SegNet, build_network, load_image
from seglens.models.views import VIEWS
from seglens.protocols import LabelSource
from seglens.store.database import DATABASE
from seglens.superpixels import Superpixels
from seglens.types import IGNORE, BoolArray, ByteArray, CamSpec, Gate, ImageId, Seen, Stage

Map = npt.NDArray[np.float32]
NEEDS = frozenset({"logits", "probs", "proximity", "cam"})
NEAR = 1 / 3
"""The nearest third of the judged pixels counts as near."""
TOP = 0.05
CLICKS = (0.05, 0.1, 0.2, 0.4)
"""Shares of an image's superpixels that are answered when an order of work is judged."""
STEPS = 6
"""Steps of deletion and insertion."""
FAITHFUL = 6
"""Images that deletion and insertion look at."""
MAPS = ("entropy", "margin", "entropy x proximity", "Grad-CAM", "PAE", "EEM", "EEM learned", "EEM map")
MAPS += ("PAE faded", "EEM faded", "EEM faded learned")
SANE = ("PAE", "EEM", "EEM learned", "PAE faded", "EEM faded", "EEM faded learned")
"""Maps that the sanity check looks at; it passes for a map where it does with every seed."""
ORDERS = ("entropy", "entropy x proximity", "EEM", "EEM learned", "EEM faded")


@dataclass(frozen=True)
class Judged:
    """One image: its maps by name, where the model was wrong, which pixels have a truth, which are near."""

    id: ImageId
    maps: dict[str, Map]
    wrong: BoolArray
    known: BoolArray
    near: BoolArray
    prediction: ByteArray
    truth: ByteArray


def config(name: str, seed: int) -> RunConfig:
    """A run that labels a tenth of the pool in round 0 and trains once."""
    if name == "streets":
        values: dict[str, Any] = {
            "data": {"name": "streets", "split": "pool", "images": 240, "size": [128, 256]},
            "model": {"size": [128, 256]},
            "depth": "exact",
        }
    else:
        values = read_yaml(ROOT / "examples" / "camvid.yaml")
        values = {"data": values["data"], "model": values["model"], "depth": "ground"}
        values["data"]["root"] = str((ROOT / values["data"]["root"]).resolve())
    values |= {"preset": "random-image", "rounds": 1, "seed": seed, "budget": {"unit": "pool-share", "initial": 0.1}}
    return resolve(values, load_preset("random-image"), name)


def trained(folder: Path, config: RunConfig) -> Workbench:
    """The run, made or already there."""
    if not (folder / DATABASE).exists():
        create(folder, config)
    drive(folder)
    return Workbench(config, folder)


def maps_of(bench: Workbench, net: SegNet, ids: Sequence[ImageId], learned: Mapping[str, Weights]) -> list[Any]:
    """(id, maps by name, prediction) of each image."""
    found: list[Any] = []
    equal = ExplainableError(ExplainableError.Params(), bench.context)
    cheap = ExplainableError(ExplainableError.Params(pae="map"), bench.context)
    for chunk in bench.chunks(ids):
        ev = bench.evidence(chunk.images, 1, Stage.SCORE, NEEDS, net)
        px = equal.pixels(ev)
        assert px.dense is not None
        doubt, pae, near = (px.dense[:, px.names.index(name)] for name in ("ebu", "pae", "proximity"))
        faded = ev.cam(CamSpec(gate=Gate(faded=True)))
        maps = {
            "entropy": doubt,
            "margin": margin(ev.logits),
            "entropy x proximity": doubt * near,
            "PAE": pae,
            "Grad-CAM": ev.cam(CamSpec()),
            "EEM": px.value,
            "EEM learned": learned["PAE"][0] * pae + learned["PAE"][1] * doubt,
            "EEM map": cheap.pixels(ev).value,
            "PAE faded": faded,
            "EEM faded": 0.5 * faded + 0.5 * doubt,
            "EEM faded learned": learned["PAE faded"][0] * faded + learned["PAE faded"][1] * doubt,
        }
        for i, id in enumerate(chunk.images):
            own = {name: value[i].float().numpy() for name, value in maps.items()}
            found.append((id, own, ev.probs[i].argmax(0).numpy().astype(np.uint8)))
    return found


def small(truth: ByteArray, size: tuple[int, int]) -> ByteArray:
    """A truth at the model's size."""
    return VIEWS["plain"].label(torch.from_numpy(truth), size).numpy()


def nearness(bench: Workbench, labels: LabelSource, id: ImageId) -> Map:
    """(h, w) how near each pixel truly is, larger = nearer: exact depth, or the ground contact of the true labels."""
    size = bench.config.model.size
    if isinstance(bench.data, Streets):
        return 1 / VIEWS["plain"].label(torch.from_numpy(bench.data.depth(id)), size).numpy()
    return ground_proximity(small(labels.label(id), size), roles(bench.data.classes.names))


def judge(bench: Workbench, labels: LabelSource, found: list[Any]) -> list[Judged]:
    """The maps with the truth beside them; near pixels are the nearest third of all judged ones."""
    size = bench.config.model.size
    truths = [small(labels.label(id), size) for id, _, _ in found]
    close = [nearness(bench, labels, id) for id, _, _ in found]
    edge = np.quantile(np.concatenate([c[t != IGNORE] for c, t in zip(close, truths, strict=True)]), 1 - NEAR)
    return [
        Judged(id, maps, (guess != truth) & (truth != IGNORE), truth != IGNORE, c >= edge, guess, truth)
        for (id, maps, guess), truth, c in zip(found, truths, close, strict=True)
    ]


def ranking(judged: list[Judged], name: str, near: bool) -> dict[str, float]:
    """How well a map ranks wrong pixels first, over all images at once."""
    where = [j.known & j.near if near else j.known for j in judged]
    value = np.concatenate([j.maps[name][w] for j, w in zip(judged, where, strict=True)])
    wrong = np.concatenate([j.wrong[w] for j, w in zip(judged, where, strict=True)])
    top = np.argsort(-value, kind="stable")[: round(TOP * len(value))]
    return {
        "auroc": float(roc_auc_score(wrong, value)),
        "auprc": float(average_precision_score(wrong, value)),
        "errors_in_top_5_percent": float(wrong[top].sum() / wrong.sum()),
        "prevalence": float(wrong.mean()),
    }


def faithfulness(bench: Workbench, net: SegNet, judged: Sequence[Judged], name: str) -> dict[str, float]:
    """Deletion and insertion: area under the mean probability of the classes predicted at first."""
    size = bench.config.model.size
    areas: dict[str, list[float]] = {"deletion": [], "insertion": []}
    for one in judged:
        image = load_image(bench.data, one.id, size)
        blurred = gaussian_blur(image, [31, 31], [10.0, 10.0])
        order = np.argsort(-one.maps[name].ravel(), kind="stable")
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        part = torch.from_numpy(rank.reshape(size) / len(order))
        taken = torch.stack([part < step / STEPS for step in range(STEPS + 1)])[:, None]
        inputs = {"deletion": torch.where(taken, blurred, image), "insertion": torch.where(taken, image, blurred)}
        first = torch.from_numpy(one.prediction.astype(np.int64))
        for key, images in inputs.items():
            with torch.inference_mode():
                probs = net(images).softmax(1)
            kept = probs.gather(1, first.expand(len(images), 1, *size)).mean((1, 2, 3))
            areas[key].append(float(torch.trapezoid(kept) / STEPS))
    return {key: statistics.mean(values) for key, values in areas.items()}


def randomised(bench: Workbench, seed: int) -> SegNet:
    """A network like the trained one, every weight drawn by chance."""
    model = bench.config.model.model_copy(update={"weights": "random"})
    return build_network(model, bench.data.classes, bench.chance.child("sanity", seed)).eval()


def sanity(judged: Sequence[Judged], other: Mapping[ImageId, Map], name: str) -> dict[str, float]:
    """The map of a randomised network against the trained one's: rank correlation, and AUPRC over prevalence."""
    rank = [abs(float(spearmanr(j.maps[name].ravel(), other[j.id].ravel()).statistic)) for j in judged]
    value = np.concatenate([other[j.id][j.known] for j in judged])
    wrong = np.concatenate([j.wrong[j.known] for j in judged])
    found = float(average_precision_score(wrong, value) / wrong.mean())
    return {"rank_correlation": float(np.nanmean(rank)), "auprc_over_prevalence": found}


def corrected(
    one: Judged, regions: npt.NDArray[np.int32], order: Sequence[int], share: float, classes: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Confusion over all and over near pixels once a share of the superpixels was answered, in an order."""
    answered = one.prediction.copy()
    for region in list(order)[: round(share * len(order))]:
        inside = regions == region
        votes = one.truth[inside & one.known]
        if len(votes):
            answered[inside] = np.bincount(votes, minlength=classes).argmax()
    close = np.where(one.near, one.truth, IGNORE)
    return confusion_matrix(one.truth, answered, classes), confusion_matrix(close, answered, classes)


def orders(bench: Workbench, judged: Sequence[Judged], names: Sequence[str], seed: int) -> dict[str, Any]:
    """mIoU and near mIoU of the masks at equal clicks, when superpixels are answered in the order of each map."""
    classes, size = len(bench.data.classes), bench.config.model.size
    superpixels = Superpixels(bench.data, bench.context.cache / "superpixels")
    superpixels.prepare([one.id for one in judged])
    cells = {one.id: VIEWS["plain"].label(torch.from_numpy(superpixels.labels(one.id)), size).numpy() for one in judged}

    def falling(name: str) -> Callable[[Judged], Sequence[int]]:
        return lambda one: _by_mean(cells[one.id], one.maps[name])

    ways = {name: falling(name) for name in names}
    ways["raster"] = lambda one: _by_mean(cells[one.id], -_rows(size))
    ways["chance"] = lambda one: bench.chance.child("order", seed, one.id).numpy().permutation(_count(cells[one.id]))
    found: dict[str, Any] = {}
    for name, way in ways.items():
        total = {share: [np.zeros((classes, classes), np.int64) for _ in range(2)] for share in (0.0, *CLICKS)}
        for one in judged:
            order = list(way(one))
            for share, sums in total.items():
                for sum_, add in zip(sums, corrected(one, cells[one.id], order, share, classes), strict=True):
                    sum_ += add
        found[name] = {
            f"{share:g}": {"miou": miou(sums[0]), "near_miou": miou(sums[1])} for share, sums in total.items()
        }
    return found


def _count(regions: npt.NDArray[np.int32]) -> int:
    return int(regions.max()) + 1


def _rows(size: tuple[int, int]) -> Map:
    return np.arange(size[0] * size[1], dtype=np.float32).reshape(size)


def _by_mean(regions: npt.NDArray[np.int32], value: Map) -> Sequence[int]:
    total = np.bincount(regions.ravel(), value.ravel())
    ordered: Sequence[int] = np.argsort(-total / np.bincount(regions.ravel()), kind="stable").tolist()
    return ordered


def one_seed(name: str, seed: int, runs: Path, images: int) -> dict[str, Any]:
    """Everything about one model."""
    bench = trained(runs / f"{name}-{seed}", config(name, seed))
    net, labels = bench.net(1), open_labels(bench.config.data)
    assert net is not None
    asked = {path.stem for path in (bench.run / "labels").glob("*.png")}
    order = bench.chance.child("judged").numpy().permutation(len(bench.pool))
    left = [bench.pool[i] for i in order if encode_id(bench.pool[i]) not in asked]
    later, rest = left[: len(asked)], left[len(asked) : len(asked) + images]
    eem = {"PAE": EQUAL, "PAE faded": EQUAL}
    answered = maps_of(bench, net, later, eem)
    learnt = {name: fit(seen(bench, labels, answered, name)) for name in eem}
    eem = {name: (found["weights"]["pae"], found["weights"]["ebu"]) for name, found in learnt.items()}
    judged = judge(bench, labels, maps_of(bench, net, rest, eem))
    other = {id: maps for id, maps, _ in maps_of(without_cache(bench), randomised(bench, seed), rest, eem)}
    few = judged[:FAITHFUL]
    return {
        "seed": seed,
        "config": bench.config.digest(),
        "images": {"trained on": len(asked), "weights fitted on": len(later), "judged": len(judged)},
        "learnt": learnt,
        "maps": {
            key: {
                "all": ranking(judged, key, near=False),
                "near": ranking(judged, key, near=True),
                **faithfulness(bench, net, few, key),
            }
            for key in MAPS
        },
        "sanity": {key: sanity(judged, {id: maps[key] for id, maps in other.items()}, key) for key in SANE},
        "orders": orders(bench, judged, ORDERS, seed),
    }


def seen(bench: Workbench, labels: LabelSource, found: list[Any], attention: str) -> list[Seen]:
    """What the learned weights are fitted to: maps with where the prediction proved wrong."""
    kept = []
    for id, maps, guess in found:
        truth = small(labels.label(id), bench.config.model.size)
        wrong = np.where(truth == IGNORE, -1, guess != truth).astype(np.int8)
        kept.append(Seen(id, {"pae": maps[attention], "ebu": maps["entropy"]}, wrong))
    return kept


def without_cache(bench: Workbench) -> Workbench:
    """The same run, its encoder run anew: cached features are the pretrained encoder's."""
    train = bench.config.train.model_copy(update={"rhythm": "finetune"})
    return Workbench(bench.config.model_copy(update={"train": train}), bench.run)


def main() -> None:
    """Measure, write, print one JSON object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="accepted for symmetry: the last line is always JSON")
    parser.add_argument("--sets", nargs="+", choices=("streets", "camvid"), default=["streets", "camvid"])
    parser.add_argument("--seeds", type=int, default=3, help="seeds, from 0")
    parser.add_argument("--images", type=int, default=48, help="images of the pool that the maps are judged on")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "explanations", help="where the runs live")
    parser.add_argument("--out", type=Path, help="also write everything to this file, and a table beside it (.md)")
    parser.add_argument("--summarise", type=Path, help="make summary and table anew from such a file; measure nothing")
    args = parser.parse_args()
    if args.summarise is not None:
        results = {k: v for k, v in json.loads(args.summarise.read_text()).items() if k != "summary"}
    else:
        sets = {
            name: [one_seed(name, seed, args.runs, args.images) for seed in range(args.seeds)] for name in args.sets
        }
        results = {"command": "make bench-explanations", "commit": commit(), **machine(), "sets": sets}
    short = {name: summary(seeds) for name, seeds in results["sets"].items()}
    if args.out is not None:
        args.out.write_text(json.dumps(results | {"summary": short}, indent=1) + "\n")
        args.out.with_suffix(".md").write_text(tables(results["sets"], short))
    print(json.dumps(short))


if __name__ == "__main__":
    main()
