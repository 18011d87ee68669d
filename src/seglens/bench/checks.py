"""What a benchmark file may not ask for: names that are not there, and what makes no sense together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from seglens.bench.plan import FULL, BenchPlan, PlannedRun, slug
from seglens.types import SeglensError

MAY_BE_SHOWN = frozenset({"streets"})
"""Data whose photographs may stand in published results: our own. The licences of the others do not say so."""

KEYS_OF = {
    "against": ("by-round", "cost", "noise", "against"),
    "at": ("reach", "prices"),
    "metrics": ("metrics",),
    "click_seconds": ("prices",),
    "vertex_seconds": ("prices",),
}
"""Keys of a table that only some kinds have."""


def check_plan(plan: BenchPlan, path: Path) -> None:
    """Look at a file's names.

    Raises:
        SeglensError: a name that no row has, a title or seed that stands twice, a key without meaning.
    """
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
        for key, kind_s in KEYS_OF.items():
            if getattr(table, key) and table.kind not in kind_s:
                raise SeglensError(f"{where}: '{key}' has no meaning here. Allowed in: {', '.join(kind_s)}")
        if table.kind == "metrics" and not table.metrics:
            raise SeglensError(f"{where}: needs the key 'metrics', for example [divergence]")
        if table.kind in ("by-round", "against") and table.against is None and plan.reference is None:
            raise SeglensError(f"{where}: needs the key 'against' or the file's 'reference'")
        if table.kind == "noise" and table.against is not None and table.against not in lines:
            raise SeglensError(f"{where}: against: no line '{table.against}'. Allowed: {', '.join(lines)}")
        if not all(value > 0 for value in (*table.click_seconds, *table.vertex_seconds)):
            raise SeglensError(f"{where}: seconds: allowed: above 0")
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


def check_crops(plan: BenchPlan, runs: Sequence[PlannedRun], path: Path) -> None:
    """Look at what the crops show.

    Raises:
        SeglensError: a row without the seed, or photographs of data that may not be shown.
    """
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
