"""What a benchmark file asks for: rows (presets with changes) x seeds x rounds, as the runs they make."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError

from seglens.acquisition.presets import load_preset
from seglens.bench.settings import below, merged
from seglens.config import Choices, Params, PartConfig, RunConfig, describe, read_yaml, resolve
from seglens.loop.machine import with_absolute_paths
from seglens.types import SeglensError

FULL = "full supervision"
"""The name of the row that labels every image in round 0."""

M = TypeVar("M", bound=BaseModel)
AxisName = Literal["clicks", "pixels", "seconds"]
MAY_BE_SHOWN = frozenset({"streets"})
"""Data whose photographs may stand in published results: our own. The licences of the others do not say so."""


class RowPlan(Params):
    """A row: a preset, what changes in it, and its seeds."""

    name: str = Field(min_length=1, description="what the row is called in tables and folders")
    preset: str = Field(description="preset the row starts from: a name, or a YAML file beside this one")
    set: dict[str, Any] = Field({}, description="what changes in base, merged key by key")
    seeds: tuple[int, ...] | None = Field(None, min_length=1, description="its own seeds; null = the file's")
    rounds: int | None = Field(None, gt=0, description="its own rounds; null = base's")
    group: str | None = Field(None, min_length=1, description="line of a sweep that it is a point of; null = its name")
    level: float | None = Field(
        None, ge=0, le=100, description="wrong answers of its annotator, %: its point on its group's line; null = none"
    )


class FullPlan(Params):
    """Full supervision by the same recipe: every image of the pool, once."""

    seeds: tuple[int, ...] | None = Field(None, min_length=1, description="its own seeds; null = the file's")
    set: dict[str, Any] = Field({}, description="what changes in base, merged key by key")


class TablePlan(Params):
    """A table to write."""

    kind: Literal[
        "rounds",
        "equal-cost",
        "classes",
        "cycles",
        "ablation",
        "sweep",
        "cost",
        "bands",
        "reach",
        "by-round",
        "metrics",
        "noise",
    ] = Field(description="what it shows")
    title: str = Field("", description="its title; empty = what the kind is called")
    rows: tuple[str, ...] | None = Field(None, min_length=1, description="its rows by name, in order; null = all")
    against: str | None = Field(
        None,
        description="row that others are paired with: by-round (null = the reference), cost (null = none), noise (the "
        "name of a line; null = none)",
    )
    at: tuple[float, ...] = Field((), description="reach: mIoU to reach beside 90 % of full supervision, 0 to 1")
    metrics: tuple[str, ...] = Field((), description="metrics: their names in the store")


class DrawingPlan(Params):
    """A drawing of learning curves: means over seeds, with their deviation."""

    title: str = Field(min_length=1, description="its title, and its file's name")
    rows: tuple[str, ...] = Field(min_length=1, description="its rows by name, in order")
    dashed: tuple[str, ...] = Field(
        (), description="those of its rows drawn dashed, the first in the colour of the first that is not, and so on"
    )
    axis: AxisName = Field("pixels", description="cost to draw over: clicks, pixels or (person) seconds")
    lines: tuple[Literal["p90", "p100"], ...] = Field(
        (), description="levels to draw: 90 % of full supervision's mIoU (p90), and all of it (p100)"
    )


class CropsPlan(Params):
    """What the last models make of the places they disagree about most, side by side."""

    rows: tuple[str, ...] = Field(min_length=2, description="rows whose predictions stand beside each other")
    images: int = Field(3, gt=0, description="evaluation images to show")
    seed: int = Field(0, ge=0, description="seed whose models are asked")
    box: tuple[int, int] = Field((120, 160), description="what is shown of an image, (height, width), its own pixels")
    photos: bool = Field(False, description="show the photographs too: only of data that may be published")


class BandsPlan(Params):
    """mIoU of the last model by depth."""

    depth: PartConfig = Field(description="depth source, given the true labels: exact (streets), ground or files")
    count: int = Field(3, ge=2, le=9, description="bands of equally many pixels, from near to far")


class BenchPlan(Params):
    """A whole benchmark file."""

    title: str = Field("", description="heading of the results; empty = the file's name")
    runs: Path | None = Field(None, description="folder of the runs; null = runs/<file name>")
    base: dict[str, Any] = Field(description="what all runs share: a run's config without preset and seed")
    seeds: tuple[int, ...] = Field((0,), min_length=1, description="seeds of every row, paired")
    full: FullPlan | None = Field(None, description="full supervision by the same recipe; null = none")
    rows: tuple[RowPlan, ...] = Field(min_length=1, description="the rows")
    reference: str | None = Field(None, description="row the others are compared with at equal cost; null = none")
    axes: tuple[AxisName, ...] = Field(
        ("clicks", "pixels"), min_length=1, description="costs to compare at: clicks, pixels or (person) seconds"
    )
    curves: tuple[str, ...] | None = Field(
        None, min_length=1, description="rows to draw; null = all that are not points of a sweep"
    )
    drawings: tuple[DrawingPlan, ...] = Field((), description="further drawings of curves, a file each")
    tables: tuple[TablePlan, ...] = Field((TablePlan(kind="rounds"),), description="tables to write")
    crops: CropsPlan | None = Field(None, description="predictions side by side; null = none")
    bands: BandsPlan | None = Field(None, description="mIoU by depth; null = not measured")


@dataclass(frozen=True)
class PlannedRun:
    """One run of the grid."""

    row: str
    seed: int
    folder: Path
    config: RunConfig


@dataclass(frozen=True)
class Bench:
    """A benchmark file, read and checked, with its runs in order: row by row, seed by seed."""

    name: str
    path: Path
    plan: BenchPlan
    runs: tuple[PlannedRun, ...]

    @property
    def row_names(self) -> tuple[str, ...]:
        """Every row, full supervision first."""
        return tuple(dict.fromkeys(run.row for run in self.runs))

    def of_rows(self, rows: Sequence[str]) -> tuple[PlannedRun, ...]:
        """The runs of some rows; of all where none is named.

        Raises:
            SeglensError: no such row.
        """
        for row in rows:
            if row not in self.row_names:
                raise SeglensError(f"{self.path}: no row '{row}'. Allowed: {', '.join(self.row_names)}")
        return tuple(run for run in self.runs if not rows or run.row in rows)


def load_bench(path: Path, runs: Path | None = None) -> Bench:
    """Read and check a benchmark file.

    Args:
        path: the YAML file; paths in it are relative to its folder, except ``runs``.
        runs: folder of the runs, instead of the file's.

    Raises:
        SeglensError: an unknown key, row, preset or part, or a bad value; the message names file and key.
    """
    plan = _read(path)
    _check(plan, path)
    folder = runs or plan.runs or Path("runs") / path.stem
    planned = []
    if plan.full is not None:
        row = RowPlan(name=FULL, preset="random-image", set=plan.full.set, rounds=1, seeds=plan.full.seeds)
        planned += _runs(plan, row, folder, path)
    for row in plan.rows:
        planned += _runs(plan, row, folder, path)
    for run in planned:
        if run.config.eval_data != planned[-1].config.eval_data:
            raise SeglensError(
                f"{path}: row '{run.row}': key 'eval_data': measured on other images than row '{planned[-1].row}': "
                "figures of one file must be comparable; use two files"
            )
    _check_crops(plan, planned, path)
    return Bench(path.stem, path, plan, tuple(planned))


def slug(name: str) -> str:
    """A name as part of a file's name.

    Example:
        >>> slug("random images, 5 %")
        'random-images-5'
    """
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")


def _read(path: Path) -> BenchPlan:
    values = read_yaml(path)
    for key, model in (("rows", RowPlan), ("tables", TablePlan), ("drawings", DrawingPlan)):
        if isinstance(values.get(key), list):
            items = enumerate(values[key])
            values[key] = [_valid(model, item, f"{path}: {key}, entry {n + 1}") for n, item in items]
    for key, one in (("full", FullPlan), ("bands", BandsPlan), ("crops", CropsPlan)):
        if isinstance(values.get(key), dict):
            values[key] = _valid(one, values[key], f"{path}: {key}")
    return _valid(BenchPlan, values, str(path))


def _valid(model: type[M], values: Any, where: str) -> M:
    if not isinstance(values, dict):
        raise SeglensError(f"{where}: expected a mapping of keys, found {values!r}")
    try:
        return model(**values)
    except ValidationError as error:
        raise SeglensError(describe(error, model, where)) from None


def _check(plan: BenchPlan, path: Path) -> None:
    names = [row.name for row in plan.rows]
    if FULL in names:
        raise SeglensError(f"{path}: rows: the name '{FULL}' is kept for 'full:'")
    for folder, count in Counter(slug(name).lower() for name in [*names, FULL]).items():
        if count > 1 or not folder:
            raise SeglensError(f"{path}: rows: names must differ in letters and digits; found {count} like '{folder}'")
    known = [*names, *([FULL] if plan.full is not None else [])]
    named: list[tuple[str, Sequence[str]]] = [("reference", [plan.reference] if plan.reference else [])]
    named += [("curves", plan.curves or ()), *((f"tables, {t.kind}: rows", t.rows or ()) for t in plan.tables)]
    named += [(f"tables, {t.kind}: against", [t.against]) for t in plan.tables if t.against and t.kind != "noise"]
    named += [(f"drawings, {d.title}: rows", d.rows) for d in plan.drawings]
    for key, rows in named:
        for row in rows:
            if row not in known:
                raise SeglensError(f"{path}: {key}: no row '{row}'. Allowed: {', '.join(known)}")
    for row_seeds in [plan.seeds, *(row.seeds for row in plan.rows), plan.full.seeds if plan.full else None]:
        if row_seeds and len(set(row_seeds)) < len(row_seeds):
            raise SeglensError(f"{path}: seeds: one stands twice in {list(row_seeds)}")
    for key in ("preset", "seed"):
        if key in plan.base:
            raise SeglensError(f"{path}: base: '{key}' has no place here: rows name presets, 'seeds' the seeds")
    _check_tables(plan, path)
    _check_drawings(plan, path)


def _check_tables(plan: BenchPlan, path: Path) -> None:
    kinds = {table.kind for table in plan.tables}
    if "bands" in kinds and plan.bands is None:
        raise SeglensError(f"{path}: tables: 'bands' needs the key 'bands', for example {{depth: ground}}")
    if "equal-cost" in kinds and plan.reference is None:
        raise SeglensError(f"{path}: tables: 'equal-cost' needs the key 'reference'")
    lines = list(dict.fromkeys(row.group or row.name for row in plan.rows))
    for table in plan.tables:
        where = f"{path}: tables, {table.kind}"
        for key, kind_s in (("against", ("by-round", "cost", "noise")), ("at", ("reach",)), ("metrics", ("metrics",))):
            if getattr(table, key) and table.kind not in kind_s:
                raise SeglensError(f"{where}: '{key}' has no meaning here. Allowed in: {', '.join(kind_s)}")
        if table.kind == "metrics" and not table.metrics:
            raise SeglensError(f"{where}: needs the key 'metrics', for example [divergence]")
        if table.kind == "by-round" and table.against is None and plan.reference is None:
            raise SeglensError(f"{where}: needs the key 'against' or the file's 'reference'")
        if table.kind == "noise" and table.against is not None and table.against not in lines:
            raise SeglensError(f"{where}: against: no line '{table.against}'. Allowed: {', '.join(lines)}")
        if not all(0 < value < 1 for value in table.at):
            raise SeglensError(f"{where}: at: found {list(table.at)}; allowed: mIoU between 0 and 1")
    points = Counter((row.group or row.name, row.level) for row in plan.rows if row.level is not None)
    for (line, level), count in points.items():
        if count > 1:
            raise SeglensError(f"{path}: rows: {count} of the group '{line}' have the level {level:g}")


def _check_drawings(plan: BenchPlan, path: Path) -> None:
    titles = [d.title for d in plan.drawings]
    titles += [table.title or table.kind for table in plan.tables if table.kind in ("sweep", "noise")]
    for end, count in Counter([*(slug(title).lower() for title in titles), *(["crops"] if plan.crops else [])]).items():
        if count > 1 or not end:
            raise SeglensError(
                f"{path}: drawings: titles must differ in letters and digits; found {count} like '{end}'"
            )
    for drawing in plan.drawings:
        where = f"{path}: drawings, {drawing.title}"
        for row in drawing.dashed:
            if row not in drawing.rows:
                raise SeglensError(f"{where}: dashed: '{row}' is none of its rows: {', '.join(drawing.rows)}")
        if drawing.lines and plan.full is None:
            raise SeglensError(f"{where}: lines: {', '.join(drawing.lines)} need the key 'full'")


def _check_crops(plan: BenchPlan, runs: Sequence[PlannedRun], path: Path) -> None:
    crops = plan.crops
    if crops is None:
        return
    seeds = {row.name: row.seeds or plan.seeds for row in plan.rows}
    for row in crops.rows:
        if row not in seeds:
            raise SeglensError(f"{path}: crops: rows: no row '{row}'. Allowed: {', '.join(seeds)}")
        if crops.seed not in seeds[row]:
            raise SeglensError(f"{path}: crops: seed: found {crops.seed}; row '{row}' has {list(seeds[row])}")
    data = runs[-1].config.eval_data
    assert data is not None
    if crops.photos and data.name not in MAY_BE_SHOWN:
        raise SeglensError(
            f"{path}: crops: photos: found true for the data '{data.name}', whose photographs may not be passed on. "
            f"Allowed for: {', '.join(sorted(MAY_BE_SHOWN))}"
        )


def _runs(plan: BenchPlan, row: RowPlan, folder: Path, path: Path) -> list[PlannedRun]:
    where = f"{path}: row '{row.name}'"
    config = _config(plan, row, where, path.parent)
    seeds = row.seeds or plan.seeds
    return [
        PlannedRun(row.name, seed, folder / f"{slug(row.name)}-{seed}", config.model_copy(update={"seed": seed}))
        for seed in seeds
    ]


def _config(plan: BenchPlan, row: RowPlan, where: str, folder: Path) -> RunConfig:
    base: Mapping[str, Any] = plan.base
    if row.name == FULL:
        # its choices are its own; what trains beside the model belongs to the recipe
        base = {key: value for key, value in base.items() if key not in Choices.model_fields or key == "companions"}
        base = merged(base, {"budget": {"unit": "images", "initial": 10**6, "per_round": 0, "total": None}})
    for key in ("preset", "seed"):
        if key in row.set:
            raise SeglensError(f"{where}: set: '{key}' has no place here: give the row's own key instead")
    preset = str(below(folder, row.preset)) if row.preset.endswith((".yaml", ".yml")) else row.preset
    values = merged(base, row.set) | {"preset": preset}
    if row.rounds is not None:
        values["rounds"] = row.rounds
    try:
        choices = load_preset(preset)
    except SeglensError as error:
        raise SeglensError(f"{where}: {error}") from None
    config = resolve(values, choices, where)
    try:
        config = with_absolute_paths(config, folder)
    except SeglensError as error:
        raise SeglensError(f"{where}: {error}") from None
    if config.eval_data is None:
        raise SeglensError(f"{where}: key 'eval_data': a benchmark needs labelled images to measure on")
    return config
