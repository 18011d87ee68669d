"""A benchmark from its file to its results, written anew after every run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from seglens.bench.bands import BandMeter
from seglens.bench.crops import crop_runs, make_crops
from seglens.bench.drawings import draw_curves, draw_sweep
from seglens.bench.figures import RunFigures, read_figures
from seglens.bench.grid import check_grid, drive_grid, is_done, untold
from seglens.bench.kinds import make_tables
from seglens.bench.lines import draw_lines, draw_noise
from seglens.bench.plan import Bench, PlannedRun, slug
from seglens.bench.results import Results, Setting, plain, setting_of, stamp
from seglens.bench.table import FORMATS
from seglens.bench.workers import Reporter
from seglens.files import write_bytes
from seglens.types import SeglensError

CROPS = "{}-crops.png"
"""Name of the picture of predictions side by side."""


class FailedRuns(SeglensError):
    """Some runs of a grid failed; the others are done, and the results written.

    Args:
        results: of what is done.
        errors: name of each failed run to its error.
    """

    def __init__(self, results: Results, errors: Mapping[str, str]) -> None:
        said = "".join(f"\n{name}: {error}" for name, error in errors.items())
        super().__init__(f"{len(errors)} runs failed; what they had done stays, and the others are done:{said}")
        self.results, self.errors = results, errors


def run_bench(bench: Bench, out: Path, only: Sequence[str] = (), reporter: Reporter = untold, jobs: int = 1) -> Results:
    """Make or resume the runs of a benchmark, and write its results after each of them.

    Args:
        bench: the benchmark.
        out: folder of the results.
        only: rows to run; none = all. Finished runs of other rows stand in the results in any case.
        reporter: told of progress, run by run.
        jobs: runs made at a time.

    Returns:
        The results, with what is unfinished.

    Raises:
        FailedRuns: at the end, when runs failed.
        SeglensError: see ``load_bench`` and ``check_grid``.
    """
    runs = bench.of_rows(only)
    check_grid(bench, runs)
    meter = BandMeter(bench.plan.bands) if bench.plan.bands is not None else None
    if meter is not None:
        for run in bench.runs:
            meter.bands(run)  # refused now, not after hours of training
    setting = setting_of(bench)
    known = {run.folder: read_run(run, meter) for run in bench.runs if is_done(run)}
    results, errors = collect(bench, setting, known), {}
    for run, error in drive_grid(runs, reporter, jobs):
        if error is not None:
            errors[run.folder.name] = error
        elif run.folder not in known:
            known[run.folder] = read_run(run, meter)
            results = collect(bench, setting, known)
            write_results(results, out)
    _finish(bench, results, known, out)
    if errors:
        raise FailedRuns(results, errors)
    return results


def _finish(bench: Bench, results: Results, known: Mapping[Path, RunFigures], out: Path) -> None:
    if bench.plan.crops is not None and all(run.folder in known for run in crop_runs(bench).values()):
        picture = make_crops(bench)
        if picture is not None:  # without the models the picture that is there stays
            write_bytes(out / CROPS.format(bench.name), picture)
    write_results(results, out)


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
    drawings = _drawings(results)
    texts[f"{results.name}.md"] += _shown(results, drawings, (out / CROPS.format(results.name)).exists())
    files = {name: text.encode() for name, text in texts.items()} | {name: svg for name, (_, svg) in drawings.items()}
    for name, data in files.items():
        write_bytes(out / name, data)
    return [out / name for name in files]


def _drawings(results: Results) -> dict[str, tuple[str, bytes]]:
    """File name to title and SVG."""
    found = {f"{results.name}.svg": ("Curves", draw_curves(results))}

    def add(title: str, svg: bytes) -> None:
        found[f"{results.name}-{slug(title).lower()}.svg"] = title, svg

    for drawing in results.plan.drawings:
        add(drawing.title, draw_lines(drawing, results))
    for table in results.plan.tables:
        if table.kind == "sweep":
            add(table.title or table.kind, draw_sweep(table, results))
        elif table.kind == "noise":
            add(table.title or table.kind, draw_noise(table, results))
    return found


def _shown(results: Results, drawings: Mapping[str, tuple[str, bytes]], with_crops: bool) -> str:
    """The drawings at the end of the Markdown."""
    lines = [f"## {title}\n\n![{title}]({file})\n" for file, (title, _) in drawings.items()]
    crops = results.plan.crops
    if crops is not None and with_crops:
        file = CROPS.format(results.name)
        lines.append(
            f"## Side by side\n\n![Predictions side by side]({file})\n\nThe last models of seed {crops.seed}. Of each "
            f"of {crops.images} equal stretches of the evaluation images: the image, and in it the box, in which "
            f"{', '.join(crops.rows)} disagree about most pixels, whichever is right.\n"
        )
    return "\n" + "\n".join(lines)


def _seeds(results: Results) -> str:
    by_count: dict[int, list[str]] = {}
    for row, runs in results.rows.items():
        by_count.setdefault(len(runs), []).append(row)
    return "; ".join(f"{count}: {', '.join(rows)}" for count, rows in sorted(by_count.items(), reverse=True))


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
    lines.insert(1, f"Seeds of each row. {_seeds(results)}.\n")
    if results.plan.full is not None and results.plan.full.set:
        lines.insert(2, f"Full supervision differs in more than its labels: `{json.dumps(results.plan.full.set)}`.\n")
    if results.unfinished:
        lines.append(f"Unfinished: {len(results.unfinished)} runs are still to do.\n")
    return "\n".join(lines) + "\n"
