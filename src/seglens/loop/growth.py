"""Images that come to a run's data while it goes on."""

from __future__ import annotations

import json
from pathlib import Path

from seglens.files import write_bytes
from seglens.loop.machine import load_config
from seglens.loop.workbench import AUDIT_SET, Workbench
from seglens.store import Repository
from seglens.store.lock import driver_lock
from seglens.store.pool import Pool
from seglens.types import Purpose, SeglensError, Stage

CHOOSING = (Stage.NARROW, Stage.SCORE, Stage.PICK, Stage.ASK)
"""Stages in which a round looks at the pool."""


def add_images(run: Path) -> int:
    """Take up the images that the run's data has now and had not before; the next round chooses among them too.

    Nothing that was asked or answered changes, and the audit set stays as it was drawn.

    Args:
        run: the run's folder.

    Returns:
        How many are new.

    Raises:
        SeglensError: a round is in the middle of choosing, another process drives the run, or images are gone; nothing
            was changed.
    """
    config = load_config(run)
    with driver_lock(run):
        repo = Repository.of_run(run)
        try:
            rounds = repo.rounds()
            if not rounds or rounds[-1].stage in CHOOSING:
                raise SeglensError(
                    f"{run}: round {len(rounds[1:])} is choosing among the images it had; take the new ones out of the "
                    "data, go on with --resume until it asks, and put them back"
                )
            pool, bench = Pool(repo), Workbench(config, run)
            before = [image.id for image in pool.images()]
            held = sorted({query.image for query in repo.queries(purpose=Purpose.AUDIT)})
            known, now = {*before, *held}, bench.images
            gone = known.difference(now)
            if gone:
                raise SeglensError(
                    f"{run}: {len(gone)} of its images are gone from the data, such as '{min(gone)}'; put them back. "
                    "Allowed: more images than before"
                )
            new = [id for id in now if id not in known]
            if new:
                if held:
                    write_bytes(run / AUDIT_SET, json.dumps(held).encode())
                with repo.transaction():
                    pool.register([*before, *new], bench.data.item)
                    repo.set_meta("data", bench.pool_digest)
                    repo.set_meta("images", bench.data.fingerprint())
                    repo.log("images", added=len(new))
            return len(new)
        finally:
            repo.close()
