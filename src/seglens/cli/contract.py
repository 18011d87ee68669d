"""``seglens check-strategy``: the contract of parts and presets, for whoever writes their own."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from seglens.bench.contract import School, check_strategy, find_strategy
from seglens.cli import console
from seglens.cli.run import Json

WHAT = "A preset or its YAML file, a part's name (or kind/name), or module:Class."


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("check-strategy")(check)


def check(name: Annotated[str, typer.Argument(help=WHAT, show_default=False)], json: Json = False) -> None:
    """Check that a part or preset keeps the contract, on a few tiny streets; exit status 1 where it does not.

    Parameters frozen, budget kept, finite scores, the same result played again, in any order of the pool, with other
    chunks, after a kill, and with another truth of what was not answered. A companion is trained with for a few steps,
    a depth source is asked for maps.
    """
    sys.path.append(str(Path.cwd()))  # a class that lies beside its author
    strategy = find_strategy(name)
    with closing(School()) as school:
        findings = check_strategy(strategy, school)
    for note in strategy.notes:
        console.out.print(f"note  {console.escape(note)}")
    for found in findings:
        verdict = "[green]pass[/]" if found.passed else "[red]fail[/]"
        console.out.print(f"{verdict}  {found.check}{console.escape(f': {found.why}') if found.why else ''}")
    passed = all(found.passed for found in findings)
    if json:
        checks = [{"check": found.check, "passed": found.passed, "why": found.why} for found in findings]
        console.print_json({"strategy": name, "passed": passed, "notes": strategy.notes, "checks": checks})
    if not passed:
        raise typer.Exit(1)
