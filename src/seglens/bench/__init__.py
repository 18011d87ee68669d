"""Benchmarks: presets x seeds x rounds from one YAML file, paired, resumable, compared at equal cost."""

from seglens.bench.file import load_bench
from seglens.bench.grid import outlook
from seglens.bench.plan import Bench
from seglens.bench.results import Results, plain
from seglens.bench.run import FailedRuns, result_files, run_bench, write_results

__all__ = [
    "Bench",
    "FailedRuns",
    "Results",
    "load_bench",
    "outlook",
    "plain",
    "result_files",
    "run_bench",
    "write_results",
]
