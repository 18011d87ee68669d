"""What a benchmark found: the figures of every finished run with their provenance, and rows compared at equal cost."""

from __future__ import annotations

import datetime
import hashlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from seglens.bench.axes import COSTS, curves
from seglens.bench.compare import Curve, Difference, interval, paired, spread
from seglens.bench.figures import RunFigures
from seglens.bench.plan import FULL, AxisName, Bench, BenchPlan
from seglens.bench.presets import presets
from seglens.bench.provenance import commit, machine
from seglens.data import open_data
from seglens.loop import Workbench

NO_OVERLAP = "no overlap"


@dataclass(frozen=True)
class Setting:
    """What the first row's run works on: the same for every row that changes nothing of it."""

    rhythm: str
    model_size: tuple[int, int]
    classes: tuple[str, ...]
    pool_images: int
    eval_images: int


@dataclass(frozen=True)
class Results:
    """The finished runs of a benchmark.

    Args:
        name: of the benchmark file.
        plan: what it asks for.
        setting: what the runs work on.
        rows: runs of each row in the order of the file; rows without a finished run are left out.
        unfinished: folders of the runs still to do.
        stamp: command, date, commit, versions, hardware.
    """

    name: str
    plan: BenchPlan
    setting: Setting
    rows: Mapping[str, Sequence[RunFigures]]
    unfinished: tuple[str, ...]
    stamp: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The heading."""
        return self.plan.title or self.name

    @property
    def full_miou(self) -> float | None:
        """Mean mIoU of full supervision, where it was run."""
        found = spread([run.last.miou for run in self.rows.get(FULL, ())])
        return found.mean if found else None

    def curves(self, row: str, axis: AxisName) -> dict[int, Curve]:
        """mIoU over a cost, by seed."""
        return curves(self.rows.get(row, ()), COSTS[axis])

    def differences(self, axis: AxisName) -> dict[str, dict[int, Difference | None]]:
        """Each row less the reference at equal cost, by row and seed; None = no overlap."""
        if self.plan.reference is None or self.plan.reference not in self.rows:
            return {}
        reference = self.curves(self.plan.reference, axis)
        others = [row for row in self.rows if row != self.plan.reference]
        return {row: paired(self.curves(row, axis), reference) for row in others}


def stamp(bench: Bench) -> dict[str, Any]:
    """The provenance of a results file."""
    file = bench.path.resolve()
    shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else Path(file.name)
    return {
        "command": shlex.join(["seglens", "bench", shown.as_posix(), *(f"--set={one}" for one in bench.settings)]),
        "file": hashlib.sha256(file.read_bytes()).hexdigest()[:12],
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": commit(),
        **machine(),
    }


def setting_of(bench: Bench) -> Setting:
    """What the benchmark's runs work on, as its last row has it."""
    config = bench.runs[-1].config
    work = Workbench(config, Path())
    assert config.eval_data is not None
    return Setting(
        config.train.rhythm,
        config.model.size,
        work.data.classes.names,
        len(work.pool),
        len(open_data(config.eval_data).ids),
    )


def plain(results: Results) -> dict[str, Any]:
    """Everything as plain values, for JSON."""
    retrained = {row.name for row in results.plan.rows if row.labels_of is not None}
    return {
        "experiment": results.name,
        "title": results.title,
        **results.stamp,
        **asdict(results.setting),
        "seeds": list(results.plan.seeds),
        "complete": not results.unfinished,
        "unfinished": list(results.unfinished),
        "full_miou": results.full_miou,
        "reference": results.plan.reference,
        **presets(results.rows, results.plan.reference, results.full_miou, retrained),
        "equal_cost": {axis: _equal_cost(results, axis) for axis in results.plan.axes},
        "rows": {row: [run.plain() for run in runs] for row, runs in results.rows.items()},
    }


def _equal_cost(results: Results, axis: AxisName) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for row, by_seed in results.differences(axis).items():
        known = [d for d in by_seed.values() if d is not None]
        mean, end = spread([d.mean for d in known]), spread([d.end for d in known])
        within = interval([d.mean for d in known])
        found[row] = {
            "unit": COSTS[axis].label,
            "seeds_compared": len(known),
            "seeds_paired": len(by_seed),
            "mean_difference": asdict(mean) if mean else NO_OVERLAP,
            "interval": asdict(within) if within else NO_OVERLAP,
            "end_difference": asdict(end) if end else NO_OVERLAP,
            "by_seed": {str(seed): asdict(d) if d else NO_OVERLAP for seed, d in by_seed.items()},
        }
    return found
