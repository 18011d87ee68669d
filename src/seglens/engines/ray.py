"""The stream on Ray: workers that hold the model, on this machine or on a cluster."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any, TypeVar

from seglens.engines.session import RayParams, gone, require_ray
from seglens.registry import engines
from seglens.types import Chunk

T = TypeVar("T")

END_SECONDS = 20.0
"""How long the process that talks to Ray may take to end."""
HEAD_SECONDS = 10
"""How long a cluster's head may be away before Ray ends that process, where the environment does not say."""


@engines.register("ray")
class RayEngine:
    """Runs the chunks in workers, a process each; one that dies is replaced, and its chunks are given out again.

    A process of its own talks to Ray, which ends whoever talks to it when the cluster is lost. The run's folder, its
    cache and the data must be at the same path on every node.
    """

    Params = RayParams

    def __init__(self, params: RayParams) -> None:
        require_ray()
        self.params = params

    def run(self, make: Callable[[], Callable[[Chunk], T]], chunks: Sequence[Chunk]) -> Iterator[tuple[Chunk, T]]:
        """The result of each chunk, in the order they are done.

        Raises:
            SeglensError: what a worker raised; a chunk that fails again and again; a cluster that has no room or is
                lost. What was yielded before stays done.
        """
        if not chunks:
            return
        pickled = require_ray().cloudpickle.dumps(make)
        with tempfile.TemporaryFile() as said:
            driver = subprocess.Popen(
                [sys.executable, "-m", "seglens.engines.driver"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                env=_environment(),
                start_new_session=True,
            )
            try:
                assert driver.stdin is not None
                assert driver.stdout is not None
                pickle.dump((self.params, pickled, list(chunks)), driver.stdin)
                driver.stdin.flush()
                yield from _answers(driver.stdout, said)
            finally:
                _end(driver)


def _environment() -> dict[str, str]:
    paths = os.pathsep.join(path for path in sys.path if path)
    return {"RAY_gcs_rpc_server_reconnect_timeout_s": str(HEAD_SECONDS), **os.environ, "PYTHONPATH": paths}


def _answers(pipe: IO[bytes], said: IO[bytes]) -> Iterator[tuple[Chunk, Any]]:
    """What the driver sends: chunks with results, an error, or None at the end."""
    while True:
        try:
            answer = pickle.load(pipe)
        except EOFError:
            said.seek(0)
            last = said.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise gone(f"the process that talked to it ended: {last}") from None
        if answer is None:
            return
        if isinstance(answer, Exception):
            raise answer
        yield answer


def _end(driver: subprocess.Popen[bytes]) -> None:
    """Let it stop its workers: it sees that nobody listens."""
    for pipe in (driver.stdin, driver.stdout):
        if pipe is not None:
            pipe.close()
    try:
        driver.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        driver.kill()
        driver.wait()
