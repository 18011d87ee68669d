"""Another training on a run's labels: a larger network or a longer recipe, once the labels are there."""

from __future__ import annotations

from pathlib import Path

from seglens.config import RunConfig, StoreConfig
from seglens.files import write_bytes
from seglens.loop.check import check
from seglens.loop.machine import CONFIG, State, check_free, load_config, with_absolute_paths
from seglens.loop.workbench import Workbench
from seglens.store import Repository
from seglens.store.copies import copy_labels, remove_copy
from seglens.store.lock import driver_lock
from seglens.types import SeglensError

MAY_CHANGE = (
    "model",
    "train",
    "companions",
    "eval_data",
    "chunk",
    "threads",
    "cache",
    "store",
    "engine",
    "devices",
    "nodes",
    "full_miou",
    "preset",
)
"""Keys of the config that say how is trained and measured, not what was asked."""
COSTS = ("clicks", "pixels", "pixel_share", "person_seconds", "images_asked")
"""Figures of a round that another training leaves as they are."""


def check_retraining(config: RunConfig, before: RunConfig, source: str) -> None:
    """Refuse a config that asks for other questions than ``source``, whose config is ``before``, or for its weights.

    Raises:
        SeglensError: see above; the message names the key.
    """
    for key in RunConfig.model_fields:
        if key not in (*MAY_CHANGE, "labels_of") and getattr(config, key) != getattr(before, key):
            raise SeglensError(
                f"key '{key}': another than that of {source}, whose labels are trained on. Allowed to change: "
                f"{', '.join(MAY_CHANGE)}"
            )
    if config.train.restart == "warm":
        raise SeglensError("train.restart: warm goes on from the round before. Allowed here: pretrained, random")


def retrain(source: Path, run: Path, config: RunConfig) -> None:
    """Make a run that has a finished run's questions, answers and labels, its training still to do: by ``drive``.

    Only its last round is trained and measured. Earlier rounds keep what they cost, and have no quality.

    Args:
        source: folder of the run whose labels are trained on; it is only read.
        run: folder of the new run.
        config: of the new run; what was asked is as in the source's.

    Raises:
        SeglensError: the source is in the middle of a round, ``run`` is not free, or the config asks for other
            questions than the source's or for its weights; nothing is left behind.
    """
    check_free(run)
    before = load_config(source)
    if config.store.url not in (None, before.store.url):
        raise SeglensError(
            f"key 'store.url', found '{config.store.url}': what is trained anew lies in SQLite. Allowed: null"
        )
    changed = {"labels_of": before.digest(), "store": StoreConfig()}
    config = with_absolute_paths(config).model_copy(update=changed)
    check_retraining(config, before, str(source))
    check(Workbench(config, run))
    run.mkdir(parents=True, exist_ok=True)
    with driver_lock(source), driver_lock(run):
        check_free(run)
        copy_labels(source, run, COSTS)
        try:
            repo = Repository.of_run(run)
            try:
                repo.set_meta("config", config.digest())
                repo.set_meta("state", State.RUNNING.value)
                repo.set_meta("why", "")
            finally:
                repo.close()
            write_bytes(run / CONFIG, config.dump().encode())
        except BaseException:
            remove_copy(run)
            raise
