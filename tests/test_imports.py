"""Imports point down: which room may import which (docs/architecture.md)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "seglens"

WORDS = {"types", "config", "registry", "protocols", "files"}
NETS = {"models", "depth", "superpixels", "data"}
PARTS = {"oracles", "acquisition", "training", "evidence", "store", "functional"} | NETS
LOOP = {"loop", "engines"} | PARTS

ROOMS: dict[str, set[str]] = {
    "cli": WORDS | LOOP | {"web", "bench", "report", "bridges"},
    "web": WORDS | LOOP | {"bench", "report", "bridges"},
    "bench": WORDS | LOOP | {"report", "bridges"},
    "report": WORDS | LOOP | {"bridges"},
    "bridges": WORDS | {"store", "data", "functional"},
    "loop": WORDS | LOOP,
    "engines": WORDS,
    "oracles": WORDS | {"store", "functional"},
    # The superpixel cut is a thin class around the room of superpixels.
    "acquisition": WORDS | {"evidence", "functional", "superpixels"},
    "training": WORDS | {"models", "data", "functional"},
    "evidence": WORDS | {"models", "depth", "superpixels", "functional"},
    "store": WORDS,
    **{room: WORDS | {"functional"} for room in NETS},
    "functional": {"types"},
    "protocols": {"types"},
    "registry": {"types", "config"},
    "config": {"types"},
    "files": {"types"},
    "types": set(),
    "__init__": set(),
    "__main__": {"cli"},
}


def room_of(path: Path) -> str:
    """The room a file belongs to: the first name below the package."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(source: str, package: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """(line, absolute dotted name) of each import of ours, those under TYPE_CHECKING and in functions included.

    Args:
        source: the text of a module.
        package: the package the module lies in, for relative imports.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and node.args and "import" in ast.unparse(node.func):
            first = node.args[0]
            names = [first.value] if isinstance(first, ast.Constant) and isinstance(first.value, str) else []
        else:
            continue
        yield from ((node.lineno, name) for name in names if name.split(".")[0] == "seglens")


def violations(path: Path, source: str) -> list[str]:
    """What ``source``, standing at ``path``, imports and may not."""
    room = room_of(path)
    if room not in ROOMS:
        return [f"{path.relative_to(PACKAGE)}: '{room}' is no room; add it to docs/architecture.md and to this test"]
    allowed = ROOMS[room] | {room}
    package = ("seglens", *path.relative_to(PACKAGE).parts[:-1])
    found = []
    for line, name in imported(source, package):
        parts = name.split(".")
        target = parts[1] if len(parts) > 1 else "__init__"
        if target in {"__init__", "__version__"}:
            continue  # the package itself holds its version and nothing else
        if target not in allowed:
            found.append(f"{path.relative_to(PACKAGE)}:{line}: {room} may not import {target} ({name})")
    return found


def test_every_import_points_down() -> None:
    files = sorted(PACKAGE.rglob("*.py"))
    assert len(files) > 4
    found = [line for path in files for line in violations(path, path.read_text(encoding="utf-8"))]
    assert not found, "\n".join(found)


def test_every_folder_is_a_room() -> None:
    folders = {p.name for p in PACKAGE.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert folders <= set(ROOMS), f"no room of docs/architecture.md: {sorted(folders - set(ROOMS))}"


def test_rooms_have_no_cycle() -> None:
    """A room may not reach itself through others."""
    seen: dict[str, set[str]] = {}

    def below(room: str, path: tuple[str, ...]) -> set[str]:
        assert room not in path, f"cycle: {' -> '.join((*path, room))}"
        if room not in seen:
            direct = ROOMS[room] - {room}
            seen[room] = direct.union(*(below(r, (*path, room)) for r in direct))
        return seen[room]

    for room in ROOMS:
        below(room, ())


@pytest.mark.parametrize(
    ("where", "source"),
    [
        ("functional/a.py", "from seglens.config import Params"),
        ("functional/a.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import seglens.models.unet"),
        ("store/a.py", "def f():\n    from ..models import unet"),
        ("store/tables/a.py", "from ...loop import state"),
        ("engines/local.py", "from seglens import evidence"),
        ("types.py", "from .config import Params"),
        ("acquisition/score/a.py", "import importlib\nimportlib.import_module('seglens.loop.run')"),
        ("helpers/a.py", "x = 1"),
    ],
)
def test_a_violation_is_found(where: str, source: str) -> None:
    assert violations(PACKAGE / where, source)


@pytest.mark.parametrize(
    ("where", "source"),
    [
        ("functional/a.py", "from seglens.types import IGNORE\nfrom . import kernels"),
        ("report/a.py", "from seglens import __version__\nfrom seglens.store import Repository"),
        ("acquisition/score/a.py", "from ..pick import top\nfrom ...functional import entropy"),
    ],
)
def test_what_points_down_passes(where: str, source: str) -> None:
    assert violations(PACKAGE / where, source) == []
