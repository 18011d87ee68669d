"""A benchmark file, read and checked, as the runs that it makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from seglens.acquisition.presets import load_preset
from seglens.bench.checks import check_crops, check_plan
from seglens.bench.plan import (
    FULL,
    BandsPlan,
    Bench,
    BenchPlan,
    CropsPlan,
    DrawingPlan,
    FullPlan,
    PlannedRun,
    RowPlan,
    TablePlan,
    slug,
)
from seglens.bench.settings import below, merged
from seglens.bench.sources import read_source
from seglens.config import Choices, RunConfig, assign, describe, read_yaml, resolve
from seglens.loop.machine import with_absolute_paths
from seglens.loop.retrain import check_retraining
from seglens.types import SeglensError

M = TypeVar("M", bound=BaseModel)


def load_bench(path: Path, runs: Path | None = None, settings: Sequence[str] = (), keep: Sequence[Path] = ()) -> Bench:
    """Read and check a benchmark file.

    Args:
        path: the YAML file; paths in it are relative to its folder, except ``runs``.
        runs: folder of the runs, instead of the file's.
        settings: ``key=value`` each, put into the file's values before they are checked; ``base.data.root=...``.
        keep: results of ``seglens bench``: runs that stand in them, of the same config, count as done where their
            folders are gone.

    Raises:
        SeglensError: a setting that cannot be put in, an unknown key, row, preset or part, or a bad value; the message
            names file and key.
    """
    plan = _read(path, settings)
    check_plan(plan, path)
    folder = runs or plan.runs or Path("runs") / path.stem
    planned = []
    if plan.full is not None:
        row = RowPlan(name=FULL, preset="random-image", set=plan.full.set, rounds=1, seeds=plan.full.seeds)
        planned += _runs(plan, row, folder, path)
    for row in plan.rows:
        runs_of = _runs(plan, row, folder, path)
        planned += (
            runs_of if row.labels_of is None else [_on_labels(run, row.labels_of, planned, path) for run in runs_of]
        )
    for run in planned:
        if run.config.eval_data != planned[-1].config.eval_data:
            raise SeglensError(
                f"{path}: row '{run.row}': key 'eval_data': measured on other images than row '{planned[-1].row}': "
                "figures of one file must be comparable; use two files"
            )
    check_crops(plan, planned, path)
    kept = {run.config: run for file in keep for of_row in read_source(str(file)).rows.values() for run in of_row}
    return Bench(path.stem, path, plan, tuple(planned), tuple(settings), kept)


def _read(path: Path, settings: Sequence[str]) -> BenchPlan:
    values = assign(read_yaml(path), settings)
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


def _runs(plan: BenchPlan, row: RowPlan, folder: Path, path: Path) -> list[PlannedRun]:
    where = f"{path}: row '{row.name}'"
    config = _config(plan, row, where, path.parent)
    seeds = row.seeds or plan.seeds
    return [
        PlannedRun(row.name, seed, folder / f"{slug(row.name)}-{seed}", config.model_copy(update={"seed": seed}))
        for seed in seeds
    ]


def _on_labels(run: PlannedRun, of: str, planned: Sequence[PlannedRun], path: Path) -> PlannedRun:
    """The run that trains on the labels of row ``of``'s run with its seed."""
    where = f"{path}: row '{run.row}': labels_of"
    sources = [source for source in planned if source.row == of and source.labels_of is None]
    if not sources:
        known = dict.fromkeys(source.row for source in planned if source.labels_of is None)
        raise SeglensError(f"{where}: no row '{of}' before it that asks. Allowed: {', '.join(known)}")
    for source in sources:
        if source.seed == run.seed:
            try:
                check_retraining(run.config, source.config, f"row '{of}'")
            except SeglensError as error:
                raise SeglensError(f"{path}: row '{run.row}': {error}") from None
            config = run.config.model_copy(update={"labels_of": source.config.digest()})
            return replace(run, config=config, labels_of=source.folder)
    raise SeglensError(f"{where}: row '{of}' has no seed {run.seed}; it has {[source.seed for source in sources]}")


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
