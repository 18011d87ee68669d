"""The report: one self-contained HTML file about a run."""

from seglens.report.page import write_report
from seglens.report.view import RunView

__all__ = ["RunView", "write_report"]
