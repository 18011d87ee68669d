"""A benchmark from its file to its results, written anew after every run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from seglens.bench.bands import BandMeter
from seglens.bench.drawings import draw_curves, draw_sweep
from seglens.bench.figures import RunFigures, read_figures
from seglens.bench.grid import Reporter, check_grid, drive_grid, is_done, untold
from seglens.bench.kinds import make_tables
from seglens.bench.plan import Bench, PlannedRun, slug
from seglens.bench.results import Results, Setting, plain, setting_of, stamp
from seglens.bench.table import FORMATS
from seglens.files import write_bytes


def run_bench(bench: Bench, out: Path, only: Sequence[str] = (), reporter: Reporter = untold) -> Results:
    """Make or resume the runs of a benchmark, and write its results after each of them.

    Args:
        bench: the benchmark.
        out: folder of the results.
        only: rows to run; none = all. Finished runs of other rows stand in the results in any case.
        reporter: told of progress, run by run.

    Returns:
        The results, with what is unfinished.

    Raises:
        SeglensError: see ``load_bench``, ``check_grid`` and ``drive_grid``; what is done stays, and is written.
    """
    runs = bench.of_rows(only)
    check_grid(bench, runs)
    meter = BandMeter(bench.plan.bands) if bench.plan.bands is not None else None
    if meter is not None:
        for run in bench.runs:
            meter.bands(run)  # refused now, not after hours of training
    setting = setting_of(bench)
    known = {run.folder: read_run(run, meter) for run in bench.runs if is_done(run)}
    results = collect(bench, setting, known)
    for run in drive_grid(runs, reporter):
        if run.folder not in known:
            known[run.folder] = read_run(run, meter)
            results = collect(bench, setting, known)
            write_results(results, out)
    write_results(results, out)
    return results


def read_run(run: PlannedRun, meter: BandMeter | None) -> RunFigures:
    """The figures of a finished run, by depth too where that is asked for."""
    return read_figures(run.folder, meter.figures(run) if meter is not None else None)


def collect(bench: Bench, setting: Setting, known: dict[Path, RunFigures]) -> Results:
    """The results as far as runs are done."""
    rows: dict[str, list[RunFigures]] = {}
    for run in bench.runs:
        if run.folder in known:
            rows.setdefault(run.row, []).append(known[run.folder])
    unfinished = tuple(run.folder.name for run in bench.runs if run.folder not in known)
    return Results(bench.name, bench.plan, setting, rows, unfinished, stamp(bench))


def write_results(results: Results, out: Path) -> list[Path]:
    """Write figures, tables and drawings.

    Args:
        results: what was found; nothing is written while no run is done.
        out: the folder.

    Returns:
        The files: JSON, Markdown, LaTeX, CSV, curves and sweeps as SVG.
    """
    if not results.rows:
        return []
    tables = make_tables(results)
    texts = {f"{results.name}.json": json.dumps(plain(results), indent=1, allow_nan=False) + "\n"}
    texts |= {f"{results.name}.{end}": write(tables) for end, write in FORMATS.items()}
    texts[f"{results.name}.md"] = _heading(results) + texts[f"{results.name}.md"]
    files = {name: text.encode() for name, text in texts.items()}
    files[f"{results.name}.svg"] = draw_curves(results)
    for table in results.plan.tables:
        if table.kind == "sweep":
            files[f"{results.name}-{slug(table.title or 'sweep').lower()}.svg"] = draw_sweep(table, results)
    for name, data in files.items():
        write_bytes(out / name, data)
    return [out / name for name in files]


def _heading(results: Results) -> str:
    setting, told = results.setting, results.stamp
    size = "x".join(str(side) for side in setting.model_size)
    lines = [
        f"# {results.title}\n",
        f"{setting.pool_images} images to ask about, {setting.eval_images} to measure on; {len(setting.classes)} "
        f"classes; model input {size}; rhythm `{setting.rhythm}`. mIoU is in points against the truth at its native "
        "size; ± is the sample deviation over seeds.\n",
        f"Made by `{told['command']}` (commit {told['commit'] or 'unknown'}, {told['date']}); every figure with config "
        f"digest and seed in [{results.name}.json]({results.name}.json).\n",
    ]
    if results.unfinished:
        lines.append(f"Unfinished: {len(results.unfinished)} runs are still to do.\n")
    return "\n".join(lines) + "\n"
