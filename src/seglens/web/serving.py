"""Serving one run until somebody stops it."""

from __future__ import annotations

import gc
import logging
import socket
import sys
from pathlib import Path

import uvicorn

from seglens.types import SeglensError
from seglens.web import sam as sam_models
from seglens.web.app import create_app
from seglens.web.figures import read_guide
from seglens.web.office import Office

log = logging.getLogger("seglens.web")

SWITCH_SECONDS = 0.0005
"""How long a thread that computes keeps the others from Python: a save lets go of it at every statement of SQL, and
would wait ten times as long each time with the interpreter's own 5 ms."""


def serve(
    run: Path, listening: socket.socket, loopback: bool, train: bool, claim_seconds: float, sam: Path | None
) -> None:
    """Serve the page of a run.

    Args:
        run: the run's folder.
        listening: a bound socket.
        loopback: whether it is reached from this machine alone.
        train: let rounds begin by themselves.
        claim_seconds: how long a question stays on an idle desk.
        sam: folder of a SAM 2 model, or None.

    Raises:
        SeglensError: no run there, one that asks nobody, one without accounts beyond loopback, or a broken guide.yaml.
    """
    if sam is not None:
        sam_models.load(sam)
    read_guide(run)
    office = Office(run, loopback, train, claim_seconds, sam)
    if not loopback and not office.people.there():
        office.close()
        raise SeglensError(
            f"--host: others can reach this address, and {run} has no accounts; make one first: "
            f"seglens people add {run} NAME --role owner"
        )
    if office.config.ask.params().get("overlap") and not office.people.there():
        log.warning("some questions need two people (ask.overlap), but without accounts everybody is one and the same")
    config = uvicorn.Config(
        create_app(office), log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=3
    )
    gc.collect()
    gc.freeze()  # what the imports left stays: going through all of it again would hold up everybody for half a second
    sys.setswitchinterval(SWITCH_SECONDS)
    uvicorn.Server(config).run(sockets=[listening])
