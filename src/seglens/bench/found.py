"""What is known of a benchmark's finished runs, read from their folders."""

from __future__ import annotations

from pathlib import Path

from seglens.bench.asked import Asked, Counts, read_asked
from seglens.bench.bands import BandMeter
from seglens.bench.figures import RunFigures, read_figures
from seglens.bench.grid import is_done
from seglens.bench.plan import FULL, Bench, PlannedRun
from seglens.bench.results import Results, setting_of, stamp


class Found:
    """What is known of a benchmark's finished runs.

    Args:
        bench: the benchmark; its runs that are done are read at once.
        meter: measures by depth where that is asked for.
    """

    def __init__(self, bench: Bench, meter: BandMeter | None) -> None:
        self.bench, self.meter, self.setting = bench, meter, setting_of(bench)
        self.known: dict[Path, RunFigures] = {}
        self._asked: dict[Path, tuple[Counts, ...]] = {}
        for run in bench.runs:
            if (kept := bench.figures_kept(run)) is not None:
                self.known[run.folder] = kept
            elif is_done(run):
                self.add(run)

    def add(self, run: PlannedRun) -> bool:
        """Read a finished run; False where it is known already."""
        if run.folder in self.known:
            return False
        self.known[run.folder] = read_figures(run.folder, self.meter.figures(run) if self.meter is not None else None)
        self._asked[run.folder] = read_asked(run.folder)
        return True

    @property
    def results(self) -> Results:
        """The results as far as runs are done."""
        rows: dict[str, list[RunFigures]] = {}
        for run in self._done:
            rows.setdefault(run.row, []).append(self.known[run.folder])
        unfinished = tuple(run.folder.name for run in self.bench.runs if run.folder not in self.known)
        return Results(self.bench.name, self.bench.plan, self.setting, rows, unfinished, stamp(self.bench))

    @property
    def asked(self) -> Asked:
        """What the finished runs asked; full supervision asks for everything, and kept figures do not tell."""
        rows: dict[str, dict[int, tuple[Counts, ...]]] = {}
        for run in self._done:
            if run.row != FULL and run.folder in self._asked:
                rows.setdefault(run.row, {})[run.seed] = self._asked[run.folder]
        return rows

    @property
    def _done(self) -> list[PlannedRun]:
        return [run for run in self.bench.runs if run.folder in self.known]
