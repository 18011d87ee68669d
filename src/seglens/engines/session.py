"""What is wanted of Ray, and a connection: to a cluster, or to one of this machine's own."""

from __future__ import annotations

import importlib.util
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import Field

from seglens.config import Params
from seglens.types import SeglensError

INSTALL = "engine 'ray' needs the extra 'ray': pip install 'seglens[ray]'"


class RayParams(Params):
    """Where the workers are, how many, and what each holds."""

    address: str | None = Field(
        None,
        description="cluster: auto, HOST:PORT or ray://HOST:PORT; null = one of this machine's own, stopped afterwards",
    )
    workers: int | None = Field(None, gt=0, description="workers, each with the model; null = as many as have room")
    cpus: int = Field(1, gt=0, description="cores of a worker, and its torch threads (instead of threads)")
    accelerators: int = Field(0, ge=0, le=1, description="accelerators of a worker, 0 or 1")


def require_ray() -> Any:
    """The module ``ray``.

    Raises:
        SeglensError: it is not installed.
    """
    if importlib.util.find_spec("ray") is None:
        raise SeglensError(INSTALL)
    import ray

    return ray


@contextmanager
def connected(want: RayParams) -> Iterator[Any]:
    """The module ``ray`` with a connection, ended afterwards, and with it a cluster that was started for it.

    Raises:
        SeglensError: no Ray here, or no cluster at the address.
    """
    ray = require_ray()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    own = {"num_cpus": want.workers and want.workers * want.cpus, "include_dashboard": False}
    try:
        ray.init(
            address=want.address or "local",
            log_to_driver=False,
            logging_level=logging.ERROR,
            **({} if want.address else own),
        )
    except (ConnectionError, RuntimeError, ValueError, ImportError, OSError, TimeoutError) as error:
        if want.address is None:
            raise SeglensError(f"engine 'ray': it does not start on this machine: {first_line(error)}") from error
        raise SeglensError(
            f"engine.address: found '{want.address}', and no Ray cluster answers there: {first_line(error)}; allowed: "
            "auto, HOST:PORT or ray://HOST:PORT of a cluster with the same versions of Python and Ray, or null for one "
            "of this machine's own"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def first_line(error: BaseException) -> str:
    """What an error says, up to its first end of line."""
    return next((line.strip().rstrip(".:") for line in str(error).splitlines() if line.strip()), type(error).__name__)


def gone(why: str) -> SeglensError:
    """The error for a cluster that is lost."""
    return SeglensError(
        f"engine 'ray': the cluster is lost ({why}). Everything finished so far is kept: start the cluster again, "
        "then go on with --resume."
    )
