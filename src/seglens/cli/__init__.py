"""The command ``seglens``."""

from __future__ import annotations

import sys

import typer

from seglens.cli import accounts, annotate, bench, console, contract, data, demo, explain, forecast, people, run, tell
from seglens.files import NO_SPACE
from seglens.types import SeglensError

app = typer.Typer(
    name="seglens",
    help="Find the pixels worth a person's time, see why, and train a better model.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (run, annotate, accounts, people, demo, explain, forecast, tell, data, bench, contract):
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
