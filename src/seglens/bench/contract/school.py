"""What trials share: a few tiny streets as files, their features, a model of a few steps for each set of companions."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

from seglens.config import PartConfig, RunConfig, resolve
from seglens.data import open_data
from seglens.data.streets import Streets, StreetsParams
from seglens.files import read_map, write_bytes, write_map
from seglens.loop.machine import silent
from seglens.loop.preparing import prepare
from seglens.loop.stages import Stages
from seglens.loop.workbench import Workbench
from seglens.models import SegNet
from seglens.store import Repository
from seglens.store.database import DATABASE
from seglens.types import ByteArray, ClassTable, Size

MEMORY = "/dev/shm"
SIZE: Size = (32, 64)
IMAGES = 5
TINY: dict[str, Any] = {
    "rounds": 3,
    "model": {"size": SIZE, "width": 32},
    "train": {"steps": 4, "batch": 4},
    "chunk": 3,
    "threads": None,
}
TAUGHT: dict[str, Any] = {
    "score": "random",
    "cut": "image",
    "answer": "dense",
    "budget": {"unit": "images", "initial": 3, "per_round": 1},
}
"""What the shared model is taught with: whole images."""


class School:
    """Everything that trials share, made when it is first asked for, in a folder that goes with it.

    The folder is in memory where there is one: a store that waits for the disk at each step takes twice as long.
    """

    def __init__(self) -> None:
        self._kept = TemporaryDirectory(prefix="seglens-contract-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None)
        self.folder = Path(self._kept.name)
        self._benches: dict[str, Workbench] = {}
        self._nets: dict[str, SegNet] = {}

    def close(self) -> None:
        """Remove the folder."""
        self._kept.cleanup()

    @cached_property
    def pool(self) -> PartConfig:
        """The pool: streets as a folder of files, images and masks side by side."""
        params, root = StreetsParams(images=IMAGES, size=SIZE), self.folder / "true"
        streets, labels = Streets(params), Streets.labels(params)
        for id in streets.ids:
            path = root / "images" / f"{id}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(streets.image(id)).save(path)
            write_map(root / "masks" / f"{id}.png", labels.label(id))
        write_bytes(root / "classes.yaml", _class_file(streets.classes).encode())
        return _folder(root)

    @cached_property
    def poisoned(self) -> PartConfig:
        """The same files, but every mask is wrong wherever it names a class."""
        root = self.folder / "poisoned"
        shutil.copytree(Path(self.pool.params()["images"]).parent, root)
        classes = len(open_data(self.pool).classes)
        for path in (root / "masks").rglob("*.png"):
            write_map(path, _wrong(read_map(path), classes))
        return _folder(root)

    @cached_property
    def database(self) -> Path:
        """The file of an empty database, which trials copy."""
        Repository.create(self.folder).close()
        return self.folder / DATABASE

    def config(self, choices: Mapping[str, Any], where: str, **changes: Any) -> RunConfig:
        """A run's config on the tiny pool."""
        fixed = {"data": self.pool.model_dump(), "cache": {"dir": str(self.folder / "cache")}}
        return resolve({**TINY, **fixed, **choices, **changes}, {}, where)

    def taught(self, config: RunConfig) -> Workbench:
        """A run whose round 0 left a model and what its companions leave behind, taught once for each set of them."""
        companions = [part.model_dump() for part in config.companions]
        key = hashlib.sha256(json.dumps(companions, sort_keys=True).encode()).hexdigest()[:12]
        if key not in self._benches:
            self._benches[key] = _teach(
                self.config({**TAUGHT, "companions": companions}, "school"), self.folder / "school" / key
            )
        return self._benches[key]

    def net(self, taught: Workbench) -> SegNet:
        """The model of ``taught``, loaded once."""
        key = taught.run.name
        if key not in self._nets:
            net = taught.net(1)
            assert net is not None
            self._nets[key] = net
        return self._nets[key]


def _teach(config: RunConfig, run: Path) -> Workbench:
    run.mkdir(parents=True)
    bench, repo = Workbench(config, run), Repository.create(run)
    prepare(bench, silent)
    play(Stages(bench, repo, silent), 0)
    Stages(bench, repo, silent).train(0)
    repo.close()
    return bench


def play(stages: Stages, round: int) -> None:
    """A round up to its labels: what the state machine does, without training."""
    repo = stages.repo
    repo.begin_round(round, stages.allowance(round))
    stages.narrow(round)
    stages.score(round)
    queries, _ = stages.pick(round)
    repo.add_queries(queries)
    stages.ask(round)
    repo.add_answers(stages.bench.oracle.collect())
    repo.hold(stages.settle(round))


def _wrong(label: ByteArray, classes: int) -> ByteArray:
    wrong: ByteArray = label.copy()
    known = label < classes
    wrong[known] = (label[known] + 1) % classes
    return wrong


def _folder(root: Path) -> PartConfig:
    paths = {"images": "images", "masks": "masks", "classes": "classes.yaml"}
    return PartConfig.model_validate({"name": "folder", **{key: str(root / name) for key, name in paths.items()}})


def _class_file(classes: ClassTable) -> str:
    return json.dumps({"names": list(classes.names), "colors": [list(color) for color in classes.colors]})
