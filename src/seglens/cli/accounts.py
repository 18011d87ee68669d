"""``people``: who may use a run's labelling page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from seglens.cli import console
from seglens.cli.run import Json, RunFolder
from seglens.store import Repository
from seglens.store.people import People, Role
from seglens.types import SeglensError

Name = Annotated[str, typer.Argument(help="The person's name.", show_default=False)]
app = typer.Typer(no_args_is_help=True, help="Who may use a run's labelling page.")


def add_to(root: typer.Typer) -> None:
    """Add these commands to the application."""
    root.add_typer(app, name="people")


def _people(folder: Path) -> People:
    return People(Repository.of_run(folder))


@app.command()
def add(
    folder: RunFolder,
    name: Name,
    role: Annotated[Role, typer.Option(help="annotator: answers; reviewer: settles disagreement too; owner: all.")] = (
        Role.ANNOTATOR
    ),
    token: Annotated[bool, typer.Option("--token", help="No password: print a token that lets the person in.")] = False,
    password_file: Annotated[
        Path | None, typer.Option(help="File whose first line is the password; without it, it is asked for.")
    ] = None,
) -> None:
    """Make an account. Passwords are kept as scrypt, tokens as their SHA-256."""
    people = _people(folder)
    people.add(name, role, None if token else _password(password_file))
    console.err.print(f"{name} may use the page of {folder} as {role.value}")
    if Role.OWNER not in {person.role for person in people.listed()}:
        console.err.print("[yellow]no owner yet: nobody can begin a round by hand, or add people, on the page[/]")
    if token:
        console.out.print(people.token(name))


def _password(file: Path | None) -> str:
    if file is None:
        entered: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        return entered
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SeglensError(f"{file}: cannot be read ({error})") from None
    if not lines:
        raise SeglensError(f"{file}: empty; its first line is the password")
    return lines[0]


@app.command("list")
def list_(folder: RunFolder, json: Json = False) -> None:
    """Show who may use the page."""
    found = _people(folder).listed()
    if json:
        console.print_json({"people": [{"name": p.name, "role": p.role.value} for p in found]})
        return
    table = Table(title=None if found else "nobody has an account: on this machine, everybody is the owner")
    table.add_column("name")
    table.add_column("role")
    for person in found:
        table.add_row(person.name, person.role.value)
    console.out.print(table)


@app.command()
def remove(folder: RunFolder, name: Name) -> None:
    """Close an account with its sessions and tokens; what the person answered stays."""
    _people(folder).remove(name)
    console.err.print(f"{name} is let in no more; the answers stay")


@app.command()
def token(folder: RunFolder, name: Name) -> None:
    """Print a new token of a person, for scripts; it is shown this once."""
    console.out.print(_people(folder).token(name))
