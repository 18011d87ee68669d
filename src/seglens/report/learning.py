"""What a run's score learnt, round by round, and how its gate judged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seglens.loop.stages import GATE
from seglens.loop.workbench import LEARNT
from seglens.report.view import RunView
from seglens.report.words import fraction, percent, whole

NAMES = {"pae": "attention (PAE)", "ebu": "doubt (EBU)"}


@dataclass(frozen=True)
class Table:
    """A table of text: what it tells, its columns, its rows."""

    words: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def weights_table(view: RunView) -> Table | None:
    """The weights of a learning score by round; None where the score does not learn."""
    found = [(r.number, told) for r in view.rounds if (told := _read(view, r.number, LEARNT))]
    found = [(number, told) for number, told in found if told.get("weights")]
    if not any("known" in told for _, told in found):
        return None
    names = sorted({name for _, told in found for name in told["weights"]}, key=list(NAMES).index)
    columns = (
        "round",
        *(NAMES[n] for n in names),
        "pixels looked at",
        "of them wrong",
        "ranks errors: equal",
        "learned",
        "",
    )
    rows = tuple(_weights_row(number, told, names) for number, told in found)
    said = (
        "Before each round the score looked at pixels whose answers were in, and at what the model had predicted "
        "there when it asked: how much did attention and doubt say of where it was wrong? “Ranks errors” is the "
        "chance that a wrong pixel has a higher explainable error than a right one (AUROC; 0.5 = by chance), with "
        "equal weights and with the learned ones, on the pixels that they were learned from."
    )
    return Table(said, columns, rows)


def _weights_row(number: int, told: dict[str, Any], names: Sequence[str]) -> tuple[str, ...]:
    auroc = told.get("auroc", {})
    wrong = told.get("share_wrong")
    return (
        str(number),
        *(f"{told['weights'][name]:.2f}" for name in names),
        whole(told.get("pixels", 0)),
        "–" if wrong is None else percent(wrong),
        fraction(auroc.get("equal")),
        fraction(auroc.get("learned")),
        "" if told.get("fitted") else f"equal weights: {told.get('why', 'nothing to learn from')}",
    )


def gate_table(view: RunView) -> Table | None:
    """What the gate let through by round; None where there was none."""
    judged = [(r.number, found) for r in view.rounds if (found := _read(view, r.number, GATE))]
    if not judged:
        return None
    rows = []
    for number, images in judged:
        dice = np.array([image["dice"] for image in images], np.float64)
        held = sum(bool(image["held"]) for image in images)
        spread = (fraction(float(v)) for v in (dice.min(), np.median(dice), dice.max()))
        rows.append((str(number), whole(len(images)), whole(len(images) - held), whole(held), *spread))
    said = (
        "An image's answers become labels only when they pass the gate, which compares them with the model's "
        "prediction (DICE: 1 = they say the same). What is held back is paid, kept, and judged again after each "
        "training; the rows are all images answered so far."
    )
    columns = ("round", "images judged", "accepted", "held back", "lowest DICE", "median", "highest")
    return Table(said, columns, tuple(rows))


def _read(view: RunView, round: int, name: str) -> Any:
    path: Path = view.folder / "rounds" / f"{round:03d}" / name
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
