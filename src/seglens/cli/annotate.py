"""``annotate``: the labelling page of a run, or of a folder of images that becomes one."""

from __future__ import annotations

import ipaddress
import socket
import threading
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from seglens.cli import console
from seglens.cli.run import make_config
from seglens.data.storage import Place, place
from seglens.loop import create
from seglens.types import SeglensError
from seglens.web.beginning import is_run, settings_of

Folder = Annotated[str, typer.Argument(help="The run's folder, or a folder of images, or its URL.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(annotate)


def annotate(
    folder: Folder,
    classes: Annotated[
        str | None, typer.Option(help="With a folder of images: class names a,b,c, or a classes.yaml.")
    ] = None,
    run: Annotated[Path | None, typer.Option(help="With a folder of images: the run's folder to make.")] = None,
    audit_set: Annotated[
        int, typer.Option(min=0, help="With a folder of images: draw so many to label whole and measure on.")
    ] = 0,
    config: Annotated[Path | None, typer.Option(help="With a folder of images: YAML file of the run.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="With a folder of images: change one key, such as rounds=8.")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen at; beyond this machine it needs accounts.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 = any free one.")] = 8712,
    train: Annotated[bool, typer.Option("--train/--no-train", help="Let rounds begin by themselves.")] = True,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
    sam: Annotated[Path | None, typer.Option(help="Folder of a SAM 2 model on disk, for click to segment.")] = None,
    claim_seconds: Annotated[float, typer.Option(min=1, help="How long a question waits on an idle desk.")] = 300.0,
) -> None:
    """Label in the browser: the page asks what the model wants to know, and the model trains on while you answer."""
    where = place(folder)
    if not isinstance(where, Path) or not is_run(where):
        where = _begin(where, classes, run, audit_set, config, set_ or [])
    elif classes or run or audit_set or config or set_:
        raise SeglensError(f"{folder} is a run already: leave --classes, --run, --audit-set, --config and --set away")
    from seglens.web.serving import serve

    loopback = is_loopback(host)
    with _bound(host, port) as listening:
        url = f"http://{_shown(host)}:{listening.getsockname()[1]}"
        console.err.print(f"[bold]{where}[/] is being labelled at {url} (Ctrl-C ends it; nothing is lost)")
        if open_:
            threading.Timer(1.0, webbrowser.open, [url]).start()
        serve(where, listening, loopback, train, claim_seconds, sam)


def _begin(
    images: Place, classes: str | None, run: Path | None, audit_set: int, config: Path | None, settings: list[str]
) -> Path:
    """A run made of a folder of images, or the one that was made of it before."""
    if run is None:
        raise SeglensError(f"{images}: not a run (no config.yaml in it); to begin one from images, give --run FOLDER")
    if is_run(run):
        return run
    with settings_of(images, classes, run, audit_set) as made:
        create(run, make_config(config, [*made, *settings]))
    return run


def is_loopback(host: str) -> bool:
    """Whether an address reaches this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _bound(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        SeglensError: the address is not this machine's, or the port is taken.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        found = socket.socket(family, socket.SOCK_STREAM)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
    except OSError as error:
        raise SeglensError(f"--host {host} --port {port}: {error.strerror or error}; choose another --port") from None
    return found
