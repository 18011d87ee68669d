"""The command ``seglens``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from seglens import __version__
from seglens.cli import (
    accounts,
    annotate,
    audit,
    bench,
    console,
    contract,
    data,
    demo,
    doctor,
    exchange,
    explain,
    forecast,
    images,
    label_studio,
    people,
    plan,
    run,
    tell,
)
from seglens.files import NO_SPACE
from seglens.types import SeglensError

app = typer.Typer(
    name="seglens",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def print_version(wanted: bool) -> None:
    """Print the version and end, if wanted."""
    if wanted:
        typer.echo(f"seglens {__version__}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Find the pixels worth a person's time, see why, and train a better model."""


for module in (
    run,
    images,
    annotate,
    people,
    accounts,
    audit,
    exchange,
    label_studio,
    demo,
    explain,
    forecast,
    tell,
    doctor,
    plan,
    data,
    bench,
    contract,
):
    module.add_to(app)


INTERRUPTED = 130
"""Exit status after Ctrl-C, which Typer turns into it."""


def main() -> None:
    """Run the command; an error the user can act on is one line on stderr and exit status 1."""
    try:
        app()
    except SeglensError as error:
        console.err.print(f"[red]error:[/] {console.escape(str(error))}")
        sys.exit(1)
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        console.err.print(
            f"[red]error:[/] no space left to write {console.escape(str(error.filename or 'a file'))}. "
            "Everything finished so far is kept: free some space, then go on with --resume."
        )
        sys.exit(1)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            console.err.print("stopped; nothing is lost: go on with `seglens run RUN --resume`")
        raise
