"""Streets written as files of Cityscapes and BDD100K read back as they were; Cityscapes evaluates them as we do."""

from __future__ import annotations

import contextlib
import io
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from scipy.stats import spearmanr
from typer.testing import CliRunner

from seglens.cli import app
from seglens.config import PartConfig
from seglens.data import open_data, open_labels
from seglens.data.check import check, guess
from seglens.data.cityscapes import LABEL_IDS, frame_path
from seglens.data.export import baseline_focal, city_name, disparity, export_streets, label_ids, video_name
from seglens.data.streets import Streets, StreetsParams
from seglens.functional.metrics import confusion_matrix, iou, miou
from seglens.types import IGNORE, SeglensError

SIZE = (48, 96)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cityscapes")
    steps: list[tuple[int, int]] = []
    export_streets(root, ["train", "val"], 4, SIZE, seed=5, progress=lambda d, t: steps.append((d, t)))
    assert steps == [(n, 8) for n in range(1, 9)]
    return root


def _streets(split: str) -> StreetsParams:
    return StreetsParams(split=split, images=4, size=SIZE, seed=5)


@pytest.mark.parametrize(("split", "streets"), [("train", "pool"), ("val", "eval")])
def test_images_labels_and_depth_read_back(written: Path, split: Any, streets: str) -> None:
    part = PartConfig.model_validate({"name": "cityscapes", "root": written, "splits": split})
    data, labels, drawn = open_data(part), open_labels(part), Streets(_streets(streets))
    assert data.ids == tuple(city_name(split, id) for id in drawn.ids)
    assert len({data.item(id).group for id in data.ids}) == 2
    for id, original in zip(data.ids, drawn.ids, strict=True):
        assert np.array_equal(data.image(id), drawn.image(original))
        assert np.array_equal(labels.label(id), Streets.labels(_streets(streets)).label(original))
        path, depth = data.item(id).depth, drawn.depth(original)
        assert path is not None
        with Image.open(path) as file:
            assert file.mode == "I;16"
            stored = np.asarray(file).astype(np.int64)
        assert ((stored == 1) == np.isinf(depth)).all()
        assert stored.min() >= 1
        assert spearmanr(-stored.ravel(), np.minimum(depth, 1e6).ravel()).statistic > 0.99
        assert (np.diff(stored.ravel()[np.argsort(depth, axis=None)]) <= 0).all()
        metres = baseline_focal(SIZE[1]) / ((stored - 1) / 256).clip(1e-9)
        near = (depth < 30) & (stored < 65535)
        assert near.any()
        np.testing.assert_allclose(metres[near], depth[near], rtol=0.01)


def test_bdd100k_reads_back(tmp_path: Path) -> None:
    export_streets(tmp_path, ["train", "val"], 4, SIZE, seed=5, layout="bdd100k")
    part = guess(tmp_path)
    assert part.name == "bdd100k"
    data, labels, groups = open_data(part), open_labels(part), {}
    names = {
        video_name(split, id): (streets, id)
        for split, streets in (("train", "pool"), ("val", "eval"))
        for id in Streets(_streets(streets)).ids
    }
    assert data.ids == tuple(names)
    for name, (streets, id) in names.items():
        assert np.array_equal(labels.label(name), Streets.labels(_streets(streets)).label(id))
        assert (tmp_path / f"images/10k/{name}.jpg").read_bytes().startswith(b"\xff\xd8")  # a JPEG
        off = np.abs(data.image(name).astype(int) - Streets(_streets(streets)).image(id))
        assert off.mean() < 1
        assert off.max() <= 4  # colours are rounded on the way through a JPEG
        groups.setdefault(data.item(name).group, set()).add(streets)
    assert len(groups) == 4
    assert all(len(splits) == 1 for splits in groups.values())
    assert check(data, labels)["ok"]


def test_splits_share_no_group(written: Path) -> None:
    data = open_data(PartConfig.model_validate({"name": "cityscapes", "root": written, "splits": ["train", "val"]}))
    groups = {split: {data.item(id).group for id in data.ids if id.startswith(split)} for split in ("train", "val")}
    assert not groups["train"] & groups["val"]


def test_disparity_keeps_the_order_and_never_is_invalid() -> None:
    depth = np.array([[0.001, 0.6, 1.0, 50.0, 1e6, np.inf]], np.float32)
    found = disparity(depth)[0].tolist()
    assert found == sorted(found, reverse=True)
    assert (found[0], found[-2:]) == (65535, [2, 1])


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(SeglensError, match="is not an empty folder"):
        export_streets(tmp_path, ["train"], 1, SIZE)
    with pytest.raises(SeglensError, match="is not an empty folder"):
        export_streets(tmp_path / "precious.txt", ["train"], 1, SIZE)
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


def test_the_command(tmp_path: Path) -> None:
    words = ["data", "export-streets", str(tmp_path / "out"), "--images", "2", "--size", "32", "64", "--split", "val"]
    result = CliRunner().invoke(app, [*words, "--seed", "3", "--json"], catch_exceptions=False)
    told = json.loads(result.stdout.splitlines()[-1])
    assert (told["images"], told["splits"], told["size"], told["seed"]) == (2, ["val"], [32, 64], 3)
    assert told["baseline_focal_metre_pixels"] == pytest.approx(0.209313 * 2262.52 * 64 / 2048)
    assert len(list((tmp_path / "out").rglob("*.png"))) == 6
    with pytest.raises(SeglensError, match="is not an empty folder"):
        CliRunner().invoke(app, words, catch_exceptions=False)
    with pytest.raises(SeglensError, match="--layout: found 'kitti', allowed: cityscapes, bdd100k"):
        CliRunner().invoke(app, [*words, "--layout", "kitti"], catch_exceptions=False)
    with pytest.raises(SeglensError, match="--split: found 'test', allowed: train, val"):
        CliRunner().invoke(app, [*words[:-1], "test"], catch_exceptions=False)


def test_the_command_writes_bdd100k(tmp_path: Path) -> None:
    words = ["data", "export-streets", str(tmp_path), "--images", "2", "--size", "32", "64", "--layout", "bdd100k"]
    told = json.loads(CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False).stdout.splitlines()[-1])
    assert (told["layout"], told["images"], told["splits"]) == ("bdd100k", 2, ["train"])
    assert "baseline_focal_metre_pixels" not in told
    checked = CliRunner().invoke(app, ["data", "check", str(tmp_path), "--json"], catch_exceptions=False)
    assert json.loads(checked.stdout.splitlines()[-1])["labelled"] == 2


def _official(pairs: list[tuple[Path, Path]]) -> tuple[list[float], float]:
    """IoU of the 19 classes and their average from Cityscapes' own scripts; pairs of (prediction, truth)."""
    from cityscapesscripts.evaluation import evalPixelLevelSemanticLabeling as official

    args = official.CArgs()
    vars(args).update(vars(official.args))
    args.evalInstLevelScore, args.JSONOutput, args.quiet = False, False, True
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="cityscapesscripts")
        confusion = official.generateMatrix(args)
        nothing = official.generateInstanceStats(args)
        for prediction, truth in pairs:
            official.evaluatePair(str(prediction), str(truth), confusion, nothing, {}, args)
        scores = {official.id2label[id].name: official.getIouScoreForLabel(id, confusion, args) for id in LABEL_IDS}
        return list(scores.values()), official.getScoreAverage(scores, args)


def _imperfect(label: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """The label, shifted, with blocks of other classes; void pixels get a class too."""
    guess = np.where(np.roll(label, 2, 1) == IGNORE, 2, np.roll(label, 2, 1))
    noise = np.kron(rng.integers(0, 19, (12, 24)), np.ones((4, 4), int)).astype(np.uint8)
    keep = np.kron(rng.random((12, 24)) < 0.7, np.ones((4, 4), int)).astype(bool)
    mixed = np.where(keep, guess, noise)
    return np.where(mixed > 14, 13, mixed).astype(np.uint8)  # buses, trains, motorcycles, bicycles are never guessed


@pytest.mark.parametrize("images", [2, 8])
def test_our_evaluation_equals_that_of_cityscapesscripts(written: Path, tmp_path: Path, images: int) -> None:
    part = PartConfig.model_validate({"name": "cityscapes", "root": written, "splits": ["train", "val"]})
    data, labels, rng = open_data(part), open_labels(part), np.random.default_rng(0)
    ours, pairs = np.zeros((19, 19), np.int64), []
    for number, id in enumerate(data.ids[:images]):
        label = labels.label(id)
        prediction = _imperfect(label, rng)
        path = tmp_path / f"{number}.png"
        Image.fromarray(label_ids(prediction)).save(path)
        pairs.append((path, frame_path(written, id, "gtFine")))
        ours += confusion_matrix(label, prediction, 19)
    theirs, average = _official(pairs)
    assert np.isnan(theirs).any() == (images == 2), "a class that is nowhere, and none"
    assert 0 in theirs, "a class that is never right"
    assert max(np.nan_to_num(theirs)) < 0.9
    np.testing.assert_allclose(iou(ours), theirs, rtol=0, atol=1e-9, equal_nan=True)
    assert miou(ours) == pytest.approx(average, abs=1e-9)
