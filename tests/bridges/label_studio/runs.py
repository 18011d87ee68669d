"""Runs that ask about images of odd sizes, and what a person draws in answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from seglens.config import PartConfig
from seglens.data import open_data
from seglens.functional.run_lengths import encode
from seglens.protocols import SegDataset
from seglens.store import Repository
from seglens.types import AnswerKind, Cost, Query, Region

SIZES = ((37, 53), (101, 163), (64, 97))
NAMES = ("road", "car", "rider & bicycle", 'a "sign"')
COLOURS = ((128, 64, 128), (0, 0, 142), (255, 0, 0), (220, 220, 0))


def blobs(size: tuple[int, int], seed: int, classes: int = len(NAMES)) -> np.ndarray:
    """A (H, W) uint8 map of ragged patches."""
    rng = np.random.default_rng(seed)
    fields = [gaussian_filter(rng.random(size), 2.5) for _ in range(classes)]
    return np.argmax(fields, axis=0).astype(np.uint8)


def images(folder: Path) -> SegDataset:
    """A folder dataset of images of odd sizes, one of them in a folder below, one with a blank in its name."""
    for name, size in zip(("a", "sub/b c", "d%e"), SIZES, strict=True):
        path = folder / "images" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(size[0]).integers(0, 256, (*size, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(path)
    table = "names: ['" + "', '".join(NAMES) + "']\ncolors: " + str([list(c) for c in COLOURS])
    (folder / "classes.yaml").write_text(table)
    values = {"name": "folder", "images": str(folder / "images"), "classes": str(folder / "classes.yaml")}
    return open_data(PartConfig.model_validate(values))


def question(data: SegDataset, image: str, kind: AnswerKind, number: int, whole: bool = False) -> Query:
    """A question about a ragged region of an image, or about all of it."""
    size = data.item(image).size
    mask = np.ones(size, bool) if whole else blobs(size, 50 + number, 2) == 0
    reason: dict[str, Any] = {"names": ["car", "road"], "classes": [1, 0], "margin": 0.1 * number, "rare": False}
    region = Region(image, size, encode(mask), "k", number)
    return Query(f"{number:024x}", 0, region, kind, 1.0 - 0.1 * number, Cost(11.0, region.pixels, 20.0), reason)


def make_run(folder: Path, queries: list[Query]) -> Repository:
    """A run's database with open questions."""
    folder.mkdir(parents=True)
    repo = Repository.create(folder)
    repo.begin_round(0, 100.0)
    repo.add_queries(queries)
    return repo


def tasks(api: httpx.Client, project: int) -> list[dict[str, Any]]:
    """Every task of a project, with predictions and annotations, by id."""
    query: dict[str, Any] = {"project": project, "fields": "all", "page_size": 100, "resolve_uri": "false"}
    found = api.get("/api/tasks/", params=query)
    found.raise_for_status()
    return sorted(found.json()["tasks"], key=lambda task: task["id"])


def annotate(api: httpx.Client, task: int, results: list[dict[str, Any]], **more: Any) -> None:
    """Finish an annotation of a task, as the page does."""
    api.post(f"/api/tasks/{task}/annotations/", json={"result": results, "lead_time": 12.25, **more}).raise_for_status()
