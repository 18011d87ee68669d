"""A benchmark from its file to its results, written anew after every run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from seglens.bench.asked import Asked, is_small, to_csv
from seglens.bench.bands import BandMeter
from seglens.bench.crops import crop_runs, make_crops
from seglens.bench.drawings import draw_curves, draw_sweep
from seglens.bench.found import Found
from seglens.bench.grid import check_grid, drive_grid, untold
from seglens.bench.kinds import make_tables
from seglens.bench.lines import draw_lines, draw_noise
from seglens.bench.plan import Bench, slug
from seglens.bench.results import Results, plain
from seglens.bench.table import FORMATS
from seglens.bench.workers import Reporter
from seglens.files import write_bytes
from seglens.types import SeglensError

CROPS = "{}-crops.png"
"""Name of the picture of predictions side by side."""
QUERIES = "{}-queries.csv"
"""Name of the questions' file, where they are too many for the JSON."""


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
    runs = bench.to_make(only)
    check_grid(bench, runs)
    meter = BandMeter(bench.plan.bands) if bench.plan.bands is not None else None
    if meter is not None:
        for run in bench.runs:
            meter.bands(run)  # refused now, not after hours of training
    found = Found(bench, meter)
    errors: dict[str, str] = {}
    asking = [run for run in runs if run.labels_of is None]
    for part in (asking, [run for run in runs if run.labels_of is not None]):
        for run, error in drive_grid(part, reporter, jobs):
            if error is not None:
                errors[run.folder.name] = error
            elif found.add(run):
                write_results(found.results, out, found.asked)
    _finish(bench, found, out)
    if errors:
        raise FailedRuns(found.results, errors)
    return found.results


def _finish(bench: Bench, found: Found, out: Path) -> None:
    if bench.plan.crops is not None and all(run.folder in found.known for run in crop_runs(bench).values()):
        picture = make_crops(bench)
        if picture is not None:  # without the models the picture that is there stays
            write_bytes(out / CROPS.format(bench.name), picture)
    write_results(found.results, out, found.asked)


def write_results(results: Results, out: Path, asked: Asked | None = None) -> list[Path]:
    """Write figures, tables and drawings.

    Args:
        results: what was found; nothing is written while no run is done.
        out: the folder.
        asked: the questions of the runs: into the JSON as ``queries`` where they are few, else into a CSV file.

    Returns:
        The files: JSON, Markdown, LaTeX, CSV, curves and sweeps as SVG.
    """
    if not results.rows:
        return []
    tables = make_tables(results)
    few = {"queries": asked} if asked and is_small(asked) else {}
    texts = {f"{results.name}.json": _json(plain(results) | few)}
    if asked and not few:
        texts[QUERIES.format(results.name)] = to_csv(asked)
    texts |= {f"{results.name}.{end}": write(tables) for end, write in FORMATS.items()}
    texts[f"{results.name}.md"] = _heading(results) + texts[f"{results.name}.md"]
    drawings = _drawings(results)
    texts[f"{results.name}.md"] += _shown(results, drawings, (out / CROPS.format(results.name)).exists())
    files = {name: text.encode() for name, text in texts.items()} | {
        name: draw() for name, (_, draw) in drawings.items()
    }
    for name, data in files.items():
        write_bytes(out / name, data)
    return result_files(results, out)


def result_files(results: Results, out: Path) -> list[Path]:
    """The files of a benchmark that are there: figures, tables, drawings, the picture of predictions."""
    name = results.name
    names = [*(f"{name}.{end}" for end in ("json", *FORMATS)), *_drawings(results)]
    names += [CROPS.format(name), QUERIES.format(name)]
    return [out / name for name in names if (out / name).exists()]


Drawing = tuple[str, Callable[[], bytes]]
"""A drawing's title, and what draws it."""


def _drawings(results: Results) -> dict[str, Drawing]:
    """File name to drawing, as SVG."""
    found: dict[str, Drawing] = {f"{results.name}.svg": ("Curves", partial(draw_curves, results))}

    def add(title: str, draw: Callable[[], bytes]) -> None:
        found[f"{results.name}-{slug(title).lower()}.svg"] = title, draw

    for drawing in results.plan.drawings:
        add(drawing.title, partial(draw_lines, drawing, results))
    for table in results.plan.tables:
        if table.kind == "sweep":
            add(table.title or table.kind, partial(draw_sweep, table, results))
        elif table.kind == "noise":
            add(table.title or table.kind, partial(draw_noise, table, results))
    return found


def _shown(results: Results, drawings: Mapping[str, Drawing], with_crops: bool) -> str:
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


def _json(values: Mapping[str, Any]) -> str:
    """Indented, but lists of numbers on a line each: a large benchmark would be over a megabyte else."""
    text = json.dumps(values, indent=1, allow_nan=False) + "\n"
    return re.sub(r"\[\n[\s\d.,eE+-]+\]", lambda found: " ".join(found[0].split()), text)
