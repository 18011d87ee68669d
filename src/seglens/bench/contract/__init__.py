"""What every strategy keeps to, checked on a few tiny streets: a registered part, somebody's class, or a preset."""

from seglens.bench.contract.checks import check_strategy
from seglens.bench.contract.finding import Finding
from seglens.bench.contract.school import School
from seglens.bench.contract.strategy import Strategy, every_strategy, find_strategy

__all__ = ["Finding", "School", "Strategy", "check_strategy", "every_strategy", "find_strategy"]
