"""Runs to report on: real folders with real databases; only the model's opinions are drawn by chance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from scipy import ndimage
from scipy.special import softmax
from tiny import start, tiny

from seglens.acquisition import reasons
from seglens.config import PartConfig, RunConfig
from seglens.data import open_data, open_labels
from seglens.files import encode_id, write_arrays, write_bytes
from seglens.functional import run_lengths
from seglens.report import write_report
from seglens.store import LabelFiles, Metric, Repository
from seglens.types import (
    IGNORE,
    Answer,
    AnswerKind,
    AnswerStatus,
    ByteArray,
    ClassTable,
    Cost,
    FloatArray,
    ImageId,
    IntArray,
    Provenance,
    Query,
    Region,
    Settled,
    Size,
    Stage,
)

NAMES = ("road", "sky", "<b>rider</b> & co", "pole")
Maker = Callable[..., Path]


def write_images(root: Path, count: int = 4, size: tuple[int, int] = (48, 96)) -> PartConfig:
    """A folder dataset of simple scenes, with a class whose name is HTML."""
    rng = np.random.default_rng(0)
    for i in range(count):
        label = np.ones(size, np.uint8)
        label[size[0] // 2 :] = 0
        label[size[0] // 2 - 8 : size[0] // 2 + 4, 10 + 15 * i : 16 + 15 * i] = 2
        label[6:30, 80 - 9 * i : 82 - 9 * i] = 3
        colours = np.array([[90, 90, 95], [150, 190, 230], [200, 40, 60], [60, 60, 50]])
        image = np.clip(colours[label] + rng.normal(0, 9, (*size, 3)), 0, 255).astype(np.uint8)
        for folder, values in (("images", image), ("masks", label)):
            path = root / folder / "day" / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(values).save(path)
    (root / "classes.yaml").write_text(yaml.safe_dump({"names": list(NAMES)}))
    where = {"images": "images", "masks": "masks", "classes": "classes.yaml"}
    return PartConfig(name="folder", **{key: str(root / name) for key, name in where.items()})


def blocks(size: tuple[int, int], side: int) -> IntArray:
    """A label map of square regions."""
    ys, xs = np.indices(size) // side
    return (ys * (size[1] // side + 1) + xs).astype(np.int32)


def write_run(run: Path, config: RunConfig, rounds: int = 3, each: int = 8, side: int = 16, seed: int = 0) -> Path:
    """A finished run whose questions are drawn by chance and whose answers are the truth."""
    rng, data, truth = np.random.default_rng(seed), open_data(config.data), open_labels(config.data)
    write_bytes(run / "config.yaml", config.dump().encode())
    repo = Repository.create(run)
    labels: dict[ImageId, Settled] = {}
    taken: set[tuple[ImageId, int]] = set()
    for number in range(rounds):
        repo.begin_round(number, float(each))
        queries, answers = [], []
        while len(queries) < each:
            id = data.ids[int(rng.integers(len(data.ids)))]
            regions = blocks(data.item(id).size, side)
            index = int(rng.integers(regions.max() + 1))
            if (id, index) in taken or not (regions == index).any():
                continue
            taken.add((id, index))
            probs = _opinion(truth.label(id), config.model.size, len(data.classes), rng) if number else None
            query = _query(f"q{number}-{len(queries)}", number, id, regions, index, probs, data.classes)
            queries.append(query)
            answers.append(_answer(query, truth.label(id)))
            _settle(labels, query, answers[-1])
            if probs is not None:
                _maps(run, number, id, probs)
        repo.add_queries(queries)
        repo.add_answers(answers)
        repo.set_metrics(_metrics(number, len(data.classes), rng))
        for stage in Stage:
            repo.log("stage", number, stage, seconds=1.5 if stage is Stage.TRAIN else 0.2)
        repo.advance(number, None)
    for id, settled in labels.items():
        LabelFiles(run).write(id, settled)
    repo.close()
    return run


def _opinion(label: ByteArray, size: Size, classes: int, rng: np.random.Generator) -> FloatArray:
    """(C, h, w) what a middling model might say of an image."""
    ys, xs = (np.arange(n) * label.shape[i] // n for i, n in enumerate(size))
    small = label[np.ix_(ys, xs)]
    logits = 2.5 * (small == np.arange(classes)[:, None, None]) + rng.normal(0, 1, (classes, 1, 1))
    logits = ndimage.gaussian_filter(logits + rng.normal(0, 0.4, logits.shape), (0, 3, 3))
    return softmax(logits * 3, axis=0).astype(np.float32)


def _query(
    name: str, number: int, id: ImageId, regions: IntArray, index: int, probs: FloatArray | None, classes: ClassTable
) -> Query:
    mask = regions == index
    region = Region(id, mask.shape, run_lengths.encode(mask), f"blocks-{mask.shape}", index)
    why = reasons.first_round_reason(region, classes)
    if probs is not None:
        share = probs.mean(axis=(1, 2))
        why = reasons.reason(region, probs.shape[1:], probs, 0.25 + 0.001 * index, share, classes)
    cost = Cost(1, int(mask.sum()), 4)
    return Query(name, number, region, AnswerKind.DOMINANT_CLASS, 0.25 + 0.001 * index, cost, why)


def _answer(query: Query, label: ByteArray) -> Answer:
    inside = label[run_lengths.decode(query.region.runs, query.region.size)]
    known = inside[inside != IGNORE]
    if not len(known):
        return Answer(query.id, AnswerStatus.VOID, Cost(1, 0, 4), Provenance.SIMULATED)
    classes = (int(np.bincount(known).argmax()),)
    return Answer(query.id, AnswerStatus.ANSWERED, Cost(1, len(known), 4), Provenance.SIMULATED, classes)


def _settle(labels: dict[ImageId, Settled], query: Query, answer: Answer) -> None:
    size = query.region.size
    settled = labels.setdefault(query.image, Settled(np.full(size, IGNORE, np.uint8), np.zeros(size, np.uint8)))
    if answer.classes:
        mask = run_lengths.decode(query.region.runs, size)
        settled.label[mask] = answer.classes[0]
        settled.provenance[mask] = answer.provenance


def _maps(run: Path, number: int, id: ImageId, probs: FloatArray) -> None:
    best = np.sort(probs, axis=0)
    path = run / "rounds" / f"{number:03d}" / "maps" / f"{encode_id(id)}.npz"
    write_arrays(path, prediction=probs.argmax(0).astype(np.uint8), score=(best[-2] / best[-1]).astype(np.float16))


def _metrics(number: int, classes: int, rng: np.random.Generator) -> list[Metric]:
    iou: list[float | None] = [float(v) for v in np.clip(rng.normal(0.35 + 0.08 * number, 0.12, classes), 0, 1)]
    iou[-1] = None if number == 0 else iou[-1]
    known = [v for v in iou if v is not None]
    return [
        Metric(number, "miou", "native", -1, float(np.mean(known))),
        Metric(number, "miou", "model", -1, 0.987),
        *(Metric(number, "iou", "native", c, v) for c, v in enumerate(iou)),
    ]


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> PartConfig:
    return write_images(tmp_path_factory.mktemp("pool"))


def make(folder: Path, pool: PartConfig, preset: str = "default", rounds: int = 3, seed: int = 0, **values) -> Path:
    config = RunConfig(data=pool, eval_data=pool, preset=preset, model={"size": (24, 48)}, **values)
    return write_run(folder, config, rounds, seed=seed)


@pytest.fixture
def make_run(pool: PartConfig, tmp_path: Path) -> Maker:
    return lambda name="a run", **values: make(tmp_path / name, pool, **values)


@pytest.fixture(scope="session")
def run(pool: PartConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three rounds for tests that change nothing in it; its report is written."""
    folder = make(tmp_path_factory.mktemp("runs") / "a run", pool)
    write_report(folder)
    return folder


@pytest.fixture(scope="session")
def explained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run of SegXAL, tiny: two rounds on six generated streets, weights learned, a gate."""
    folder = tmp_path_factory.mktemp("segxal")
    parts = {
        "score": {"name": "explainable-error", "weights": "learned", "patches": [4, 6]},
        "cut": {"name": "object", "segments": 24},
        "answer": "mask",
        "pick": {"name": "top", "by": "image"},
        "settle": {"name": "dice-gate", "threshold": 0.3},
    }
    budget = {"unit": "image-equivalents", "initial": 3, "per_round": 1}
    config = tiny(folder, rounds=3, preset="segxal-manual", depth="ground", budget=budget, **parts)
    start(folder / "segxal", config)
    return folder / "segxal"
