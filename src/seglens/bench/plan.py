"""What a benchmark file asks for: rows (presets with changes) x seeds x rounds, as the runs they make."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from seglens.bench.figures import RunFigures
from seglens.config import Params, PartConfig, RunConfig
from seglens.loop.machine import CONFIG
from seglens.types import SeglensError

FULL = "full supervision"
"""The name of the row that labels every image in round 0."""

AxisName = Literal["clicks", "pixels", "seconds"]


class RowPlan(Params):
    """A row: a preset, what changes in it, and its seeds."""

    name: str = Field(min_length=1, description="what the row is called in tables and folders")
    preset: str = Field(description="preset the row starts from: a name, or a YAML file beside this one")
    set: dict[str, Any] = Field({}, description="what changes in base, merged key by key")
    seeds: tuple[int, ...] | None = Field(None, min_length=1, description="its own seeds; null = the file's")
    rounds: int | None = Field(None, gt=0, description="its own rounds; null = base's")
    labels_of: str | None = Field(
        None, description="row on whose last labels it trains, seed by seed, asking nothing itself; null = its own"
    )
    group: str | None = Field(None, min_length=1, description="line of a sweep that it is a point of; null = its name")
    level: float | None = Field(
        None, ge=0, le=100, description="wrong answers of its annotator, %: its point on its group's line; null = none"
    )


class FullPlan(Params):
    """Full supervision: every image of the pool, once; by the same recipe but for what ``set`` changes."""

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
        "summary",
        "against",
        "penalty",
        "rare",
        "calibration",
        "queries",
        "prices",
    ] = Field(description="what it shows")
    title: str = Field("", description="its title; empty = what the kind is called")
    rows: tuple[str, ...] | None = Field(None, min_length=1, description="its rows by name, in order; null = all")
    against: str | None = Field(
        None,
        description="row that others are paired with: by-round and against (null = the reference), cost (null = none), "
        "noise (the name of a line; null = none)",
    )
    at: tuple[float, ...] = Field((), description="reach, prices: mIoU to reach beside 90 and 95 % of full supervision")
    metrics: tuple[str, ...] = Field((), description="metrics: their names in the store")
    click_seconds: tuple[float, ...] = Field(
        (), description="prices: seconds of a click or a class; () = 1.2, 2.4, 4.8"
    )
    vertex_seconds: tuple[float, ...] = Field((), description="prices: seconds of a vertex; () = 0.45, 0.9, 1.8")


class DrawingPlan(Params):
    """A drawing of learning curves: means over seeds, with their deviation."""

    title: str = Field(min_length=1, description="its title, and its file's name")
    rows: tuple[str, ...] = Field(min_length=1, description="its rows by name, in order")
    dashed: tuple[str, ...] = Field(
        (), description="those of its rows drawn dashed, the first in the colour of the first that is not, and so on"
    )
    axis: AxisName = Field("pixels", description="cost to draw over: clicks, pixels or (person) seconds")
    lines: tuple[Literal["p90", "p95", "p100"], ...] = Field(
        (), description="levels to draw: 90 or 95 % of full supervision's mIoU (p90, p95), and all of it (p100)"
    )
    vertex_seconds: tuple[float, ...] = Field(
        (),
        description="axis seconds: a panel for each of these times of a polygon's vertex, beside the stated time of a "
        "click; () = one panel, at the prices of the runs",
    )

    @model_validator(mode="after")
    def _swept(self) -> DrawingPlan:
        if self.vertex_seconds and self.axis != "seconds":
            raise ValueError(f"vertex_seconds: they are of axis 'seconds'; found axis '{self.axis}'")
        return self


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
    full: FullPlan | None = Field(None, description="full supervision; null = none")
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
    labels_of: Path | None = None  # folder of the run on whose labels it trains


@dataclass(frozen=True)
class Bench:
    """A benchmark file, read and checked, with its runs in order: row by row, seed by seed.

    Args:
        name: the file's.
        path: the file.
        plan: what it asks for, settings put in.
        runs: the runs that it makes.
        settings: what was set from outside, ``key=value`` each.
        kept: figures of runs that were finished elsewhere, by their config's digest.
    """

    name: str
    path: Path
    plan: BenchPlan
    runs: tuple[PlannedRun, ...]
    settings: tuple[str, ...] = ()
    kept: Mapping[str, RunFigures] = field(default_factory=dict)

    def figures_kept(self, run: PlannedRun) -> RunFigures | None:
        """The kept figures of a run that has no folder here; None = the folder tells, or nothing does."""
        found = None if (run.folder / CONFIG).exists() else self.kept.get(run.config.digest())
        return found and replace(found, preset=run.config.preset)

    def to_make(self, only: Sequence[str] = ()) -> tuple[PlannedRun, ...]:
        """The runs of some rows whose folders are needed: all but kept ones, unless another trains on their labels."""
        runs = [run for run in self.of_rows(only) if self.figures_kept(run) is None]
        needed = {run.folder for run in runs}
        needed |= {run.labels_of for run in runs if run.labels_of and not (run.folder / CONFIG).exists()}
        return tuple(run for run in self.runs if run.folder in needed)

    def shown(self, only: Sequence[str] = ()) -> tuple[PlannedRun, ...]:
        """The runs of some rows, and those that have to be made for them."""
        folders = {run.folder for run in (*self.to_make(only), *self.of_rows(only))}
        return tuple(run for run in self.runs if run.folder in folders)

    @property
    def on_other_data(self) -> bool:
        """Whether the settings touch what is learnt from or measured on: the results are not the file's then."""
        keys = (setting.partition("=")[0].split(".") for setting in self.settings)
        return any({"data", "eval_data"} & {key.strip() for key in path} for path in keys)

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


def slug(name: str) -> str:
    """A name as part of a file's name.

    Example:
        >>> slug("random images, 5 %")
        'random-images-5'
    """
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")
