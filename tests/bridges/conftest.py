"""A folder of pictures of odd sizes and masks for them; datumaro in an environment of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from seglens.bridges import Album
from seglens.config import PartConfig
from seglens.data import open_data
from seglens.types import IGNORE

ROOT = Path(__file__).resolve().parents[2]
DATUMARO = ROOT / ".venv-datumaro"
READER = Path(__file__).parent / "datumaro_reader.py"

NAMES = ["road", "traffic light", 'a & b <"c">', "Straße", "car"]
COLORS = [[128, 64, 128], [0, 0, 0], [128, 64, 128], [0, 0, 142], [255, 255, 255]]  # black, and one twice
SIZES = {"seq/a_1": (7, 5), "seq/a_2": (1, 13), "seq/deep/b.v2": (33, 17), "photo": (64, 51), "blank": (3, 4)}
JPEG = "photo"


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for id, size in SIZES.items():
        path = root / "images" / f"{id}.{'jpg' if id == JPEG else 'png'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8)).save(path)
    (root / "classes.yaml").write_text(yaml.safe_dump({"names": NAMES, "colors": COLORS}, allow_unicode=True))
    (root / "masks").mkdir()
    return root


@pytest.fixture
def album(pictures: Path) -> Album:
    part = {"name": "folder", "images": pictures / "images", "classes": pictures / "classes.yaml"}
    return Album(open_data(PartConfig.model_validate({**part, "masks": pictures / "masks"})))


@pytest.fixture(scope="session")
def masks() -> dict[str, Any]:
    """Ragged patches of every class and of unlabelled pixels; one image without any label."""
    rng = np.random.default_rng(1)
    made = {}
    for id, size in SIZES.items():
        coarse = rng.integers(0, len(NAMES) + 1, (size[0] // 3 + 1, size[1] // 3 + 1))
        mask = np.kron(coarse, np.ones((3, 3), int))[: size[0], : size[1]]
        mask = np.where(rng.random(size) < 0.1, rng.integers(0, len(NAMES) + 1, size), mask)
        made[id] = np.where(mask == len(NAMES), IGNORE, mask).astype(np.uint8)
    made["blank"][:] = IGNORE
    assert set(np.unique(made["photo"])) == {*range(len(NAMES)), IGNORE}
    return made


@pytest.fixture(scope="session")
def datumaro() -> Callable[..., None]:
    """Runs ``datumaro_reader.py``; skips where ``make .venv-datumaro/ready`` was not run."""
    if not (DATUMARO / "ready").exists():
        pytest.skip("datumaro is not installed: `make .venv-datumaro/ready` installs it, and so does `make test`")

    def run(*words: str | Path) -> None:
        done = subprocess.run(
            [DATUMARO / "bin" / "python", READER, *map(str, words)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    return run
