"""From a folder of images to a run that asks people about them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from seglens.config import PartConfig
from seglens.data import open_data
from seglens.data.storage import Place
from seglens.files import write_bytes
from seglens.loop.machine import CONFIG
from seglens.types import SeglensError

CLASSES = "classes.yaml"
AREA = 128 * 256
"""About how many pixels the model sees of an image."""
STRIDE = 32
SEEN = 64
"""Images that the model's size is decided by."""
CLICKS = 60
"""Budget of a round where nothing else is said: some minutes of a person's time."""
ROUNDS = 20
ENOUGH = 0.8
"""Share of the answers that begins the training, so that some questions are left to answer meanwhile."""


def is_run(folder: Path) -> bool:
    """Whether a folder holds a run."""
    return (folder / CONFIG).exists()


@contextmanager
def settings_of(images: Place, classes: str | None, run: Path, audit_set: int = 0) -> Iterator[list[str]]:
    """The ``--set`` values that make a run of a folder of images; its class file is written, and goes if that fails.

    Args:
        images: the folder, or its URL.
        classes: names with commas between, or the path of a ``classes.yaml``.
        run: the run's folder to be.
        audit_set: images drawn by chance to measure on; 0 = none.

    Raises:
        SeglensError: no image there, or no classes.
    """
    if not images.is_dir():
        raise SeglensError(f"{images}: neither a run nor a folder of images")
    if classes is None:
        raise SeglensError("--classes: which classes are there? For example --classes road,car,person,other")
    data = open_data(PartConfig.model_validate({"name": "folder", "images": str(images)}))
    given = Path(classes)
    file = given if given.suffix in (".yaml", ".yml") else run / CLASSES
    made = file != given
    if made:
        names = [name.strip() for name in classes.split(",") if name.strip()]
        if len(names) < 2:
            raise SeglensError(
                f"--classes: found {classes!r}; allowed: two names or more with commas between, or a file"
            )
        write_bytes(file, yaml.safe_dump({"names": names}, allow_unicode=True, sort_keys=False).encode())
    sizes = [data.item(id).size for id in data.ids[:SEEN]]
    size = model_size(float(np.median([height / width for height, width in sizes])), min(min(s) for s in sizes))
    part = {"name": "folder", "images": str(images), "classes": str(file)}
    budget = {"unit": "clicks", "initial": CLICKS, "per_round": CLICKS}
    values: dict[str, Any] = {
        "data": part,
        "ask": {"name": "human", "enough": ENOUGH},
        "model.size": list(size),
        "budget": budget,
        "rounds": ROUNDS,
    }
    if audit_set:
        values["audit_set.images"] = audit_set
    try:
        yield [f"{key}={json.dumps(value)}" for key, value in values.items()]
    except BaseException:
        if made:
            file.unlink(missing_ok=True)
        raise


def model_size(ratio: float, least: int) -> tuple[int, int]:
    """(h, w) that the model sees images at: of their shape, whole strides, and not much larger than they are.

    Args:
        ratio: height over width.
        least: their shortest side, pixels.

    Example:
        >>> model_size(0.5, 1024), model_size(0.75, 480), model_size(1.5, 64)
        ((128, 256), (160, 224), (96, 64))
    """
    height = float(np.sqrt(AREA * ratio))
    shrink = min(1.0, max(least, STRIDE) / min(height, height / ratio))
    sides = (height * shrink, height * shrink / ratio)
    found = [max(STRIDE, round(side / STRIDE) * STRIDE) for side in sides]
    return found[0], found[1]
