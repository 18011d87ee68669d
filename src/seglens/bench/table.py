"""A table of figures, and how it is written: Markdown, LaTeX, CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from seglens.bench.compare import Spread

NOTHING = "–"


@dataclass(frozen=True)
class Figure:
    """A mean with its deviation over runs; ``None`` = there is none. ``signed`` shows the sign of a difference."""

    spread: Spread | None
    digits: int = 1
    signed: bool = False

    def words(self, plus_minus: str, minus: str) -> str:
        """The figure as text.

        Example:
            >>> Figure(Spread(-1234.56, 7.0, 3)).words("±", "−")
            '−1,234.6 ± 7.0'
        """
        if self.spread is None:
            return NOTHING
        mean = f"{self.spread.mean:{'+' if self.signed else ''},.{self.digits}f}".replace("-", minus)
        return mean if self.spread.sd is None else f"{mean} {plus_minus} {self.spread.sd:,.{self.digits}f}"


@dataclass(frozen=True)
class Range:
    """From a low to a high difference; ``None`` = there is no such range."""

    low: float | None
    high: float | None
    digits: int = 2

    def words(self, minus: str) -> str:
        """The range as text.

        Example:
            >>> Range(-0.5, 1.25).words("−"), Range(None, None).words("-")
            ('−0.50 to +1.25', '–')
        """
        if self.low is None or self.high is None:
            return NOTHING
        return f"{self.low:+.{self.digits}f} to {self.high:+.{self.digits}f}".replace("-", minus)


Cell: TypeAlias = str | int | Figure | Range


@dataclass(frozen=True)
class Table:
    """A table: heads, rows of cells as long as ``head``, a note; the first column names the row."""

    kind: str
    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


def to_markdown(table: Table) -> str:
    """The table with its title and note in Markdown."""

    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"

    lines = [line(table.head), "|---|" + "---:|" * (len(table.head) - 1)]
    lines += [line([_text(cell, "±", "−") for cell in row]) for row in table.rows]
    note = f"\n{table.note}\n" if table.note else ""
    return f"## {table.title}\n\n" + "\n".join(lines) + f"\n{note}"


def to_latex(table: Table) -> str:
    """A plain ``tabular`` (no packages needed) under its title as a comment."""

    def line(cells: Sequence[str]) -> str:
        return " & ".join(cells) + r" \\"

    rows = [line([_latex_cell(cell) for cell in row]) for row in table.rows]
    comments = [f"% {' '.join(text.split())}" for text in (table.title, table.note) if text]
    begin = rf"\begin{{tabular}}{{l{'r' * (len(table.head) - 1)}}}"
    head = line([escape_latex(name) for name in table.head])
    return "\n".join([*comments, begin, r"\hline", head, r"\hline", *rows, r"\hline", r"\end{tabular}"]) + "\n"


def to_csv(tables: Sequence[Table]) -> str:
    """Every figure of every table as a line: table, row, column, value, sd, n. Texts stand as values."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("table", "row", "column", "value", "sd", "n"))
    for table in tables:
        for name, *cells in table.rows:
            for column, cell in zip(table.head[1:], cells, strict=True):
                writer.writerow((table.title, name, column, *_csv_cell(cell)))
    return file.getvalue()


_LATEX = {c: f"\\{c}" for c in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    NOTHING: "--",
    "−": "$-$",
    "±": r"$\pm$",
}


def escape_latex(text: str) -> str:
    r"""Text as LaTeX shows it.

    Example:
        >>> print(escape_latex("50 % of a_b & c"))
        50 \% of a\_b \& c
    """
    return "".join(_LATEX.get(c, c) for c in text)


def _text(cell: Cell, plus_minus: str, minus: str) -> str:
    if isinstance(cell, Range):
        return cell.words(minus)
    return cell.words(plus_minus, minus) if isinstance(cell, Figure) else str(cell)


def _latex_cell(cell: Cell) -> str:
    return escape_latex(_text(cell, "±", "−"))


def _csv_cell(cell: Cell) -> tuple[object, object, object]:
    if isinstance(cell, Range):
        return "" if cell.low is None else cell.words("-"), "", ""
    if not isinstance(cell, Figure):
        return cell, "", ""
    if cell.spread is None:
        return "", "", 0
    return cell.spread.mean, "" if cell.spread.sd is None else cell.spread.sd, cell.spread.n


FORMATS: dict[str, Callable[[Sequence[Table]], str]] = {
    "md": lambda tables: "\n".join(to_markdown(table) for table in tables),
    "tex": lambda tables: "\n".join(to_latex(table) for table in tables),
    "csv": to_csv,
}
