"""``forecast``: the mIoU that the next clicks should bring, and when to stop."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from seglens.bench.forecast import ROUNDS, Outlook, look_ahead, read_history
from seglens.cli import console
from seglens.cli.run import Json, RunFolder


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(forecast)


def forecast(
    folder: RunFolder,
    clicks: Annotated[
        float | None, typer.Option(help="How much more to spend, in the run's budget unit; default: a round's budget.")
    ] = None,
    worth: Annotated[
        float | None, typer.Option(min=0, help="mIoU points that 1,000 clicks must bring to be worth it.")
    ] = None,
    json: Json = False,
) -> None:
    """Tell the mIoU to expect after the next clicks, with an 80 % interval, and when to stop."""
    found = look_ahead(read_history(folder), clicks, worth)
    console.out.print(_table(found))
    for line in advice(found):
        console.out.print(line)
    if json:
        console.print_json(plain(folder, found))


def plain(folder: Path, found: Outlook) -> dict[str, Any]:
    """An outlook as plain values."""
    history = found.history
    return {
        "run": str(folder),
        "unit": history.config.budget.unit.value,
        "step": found.step,
        "measured": [
            {"spent": s, "miou": m} for s, m in zip(history.spent.tolist(), history.miou.tolist(), strict=True)
        ],
        "next": asdict(found.ahead[0]),
        "ahead": [asdict(step) for step in found.ahead],
        "asked": found.asked,
        "worth_it": None if found.asked is None else found.ahead[0].gain >= found.asked,
        "worth_until": found.worth_until,
        "target": found.target,
        "target_at": found.target_at,
        "advice": advice(found),
    }


def _table(found: Outlook) -> Table:
    unit = found.history.config.budget.unit.value
    title, below = f"{found.history.run}: mIoU to expect", "gain: of the expected curve, from step to step"
    table = Table(title=console.escape(title), caption=below)
    for name in (unit, "mIoU", "80 % interval", "gain, points"):
        table.add_column(name, justify="right")
    table.add_row(_amount(found.history.spent[-1]), f"{found.history.miou[-1]:.3f}", "measured", "")
    for step in found.ahead:
        table.add_row(
            _amount(step.spent), f"{step.miou:.3f}", f"{step.low:.3f} to {step.high:.3f}", f"{100 * step.gain:+.2f}"
        )
    return table


def advice(found: Outlook) -> list[str]:
    """When to stop, in sentences: by what clicks are worth, and by the run's target."""
    return [*_by_worth(found), *_by_target(found)]


def _by_worth(found: Outlook) -> list[str]:
    unit, gain = found.history.config.budget.unit.value, found.ahead[0].gain
    brings = f"the next {_amount(found.step)} {unit} should bring {100 * gain:+.2f} points"
    if found.asked is None:
        return [f"{brings}; say with --worth what 1,000 clicks must bring"]
    against = f"{brings}, {100 * found.asked:.2f} are asked"
    if gain < found.asked:
        return [f"stop: {against}"]
    if found.worth_until is None:
        return [f"go on: {against}; so should all of the next {ROUNDS} such steps"]
    return [f"go on: {against}; stop at about {_amount(found.worth_until)} {unit}"]


def _by_target(found: Outlook) -> list[str]:
    unit, last = found.history.config.budget.unit.value, found.history.spent[-1]
    if found.target is None:
        return []
    if found.target_at is None:
        return [f"the target of {found.target:g} mIoU is not to be expected within {ROUNDS} such steps"]
    if found.target_at <= last:
        return [f"the target of {found.target:g} mIoU was reached at {_amount(found.target_at)} {unit}"]
    return [f"the target of {found.target:g} mIoU is to be expected at about {_amount(found.target_at)} {unit}"]


def _amount(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.4g}"
