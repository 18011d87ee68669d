"""The workers of one stream on Ray: who does what, and what happens when one of them dies."""

from __future__ import annotations

import pickle
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from seglens.engines.session import RayParams, first_line, gone
from seglens.types import Chunk, SeglensError

ATTEMPTS = 3
"""How often a chunk is tried, and how many workers in a row may fail to start."""
IN_FLIGHT = 2
"""Chunks that a worker is given at once: one at work, one waiting."""
PLACE_SECONDS = 600.0
"""How long to wait while no worker at all is ready."""


class Worker:
    """What runs in a worker's process: parts and model, built once."""

    def __init__(self, make: bytes, threads: int) -> None:
        self._make, self._threads = make, threads
        self._work: Callable[[Chunk], Any] | None = None

    def load(self) -> None:
        """Build them."""
        import torch

        torch.set_num_threads(self._threads)
        self._work = pickle.loads(self._make)()

    def work(self, chunk: Chunk) -> Any:
        """The result of a chunk."""
        assert self._work is not None
        return self._work(chunk)


class Crew:
    """The workers of one stream, and what each was given.

    Args:
        ray: the connected module.
        want: what is asked for.
        make: see ``Engine``, pickled.
        chunks: all the work.
    """

    def __init__(self, ray: Any, want: RayParams, make: bytes, chunks: Sequence[Chunk]) -> None:
        self.ray, self.want = ray, want
        self.waiting = deque(chunks)
        self.tried: Counter[int] = Counter()
        self.tasks: dict[Any, tuple[Any, Chunk | None]] = {}  # by reference, in the order given; None = loading
        self.ready: set[Any] = set()
        self.alone = time.monotonic()  # since when no worker is ready
        self.failed_starts = 0
        room = self._room()
        options = {"num_cpus": want.cpus, "num_gpus": want.accelerators, "max_restarts": 0, "max_task_retries": 0}
        self.kind = ray.remote(Worker).options(**options)
        self.make = ray.put(make)
        for _ in range(min(want.workers or max(room, 1), len(chunks))):
            self._hire()

    def _room(self) -> int:
        """How many workers have room in the cluster as it stands.

        Raises:
            SeglensError: none, in a cluster of this machine's own, which will not grow.
        """
        has = self.ray.cluster_resources()
        room = int(has.get("CPU", 0) // self.want.cpus)
        if self.want.accelerators:
            room = min(room, int(has.get("GPU", 0) // self.want.accelerators))
        if self.want.address is None and room < (self.want.workers or 1):
            raise self._no_room(has)
        return room

    def _no_room(self, has: dict[str, float]) -> SeglensError:
        want = self.want
        asked = f"{want.workers or 1} of {want.cpus} cores and {want.accelerators} accelerators"
        found = f"{has.get('CPU', 0):g} cores and {has.get('GPU', 0):g} accelerators"
        return SeglensError(f"engine 'ray': no room for its workers: asked for {asked}, the cluster has {found}")

    def work(self) -> Iterator[tuple[Chunk, Any] | None]:
        """Each chunk with its result; None where nothing is done for a second.

        Raises:
            SeglensError: see ``RayEngine.run``.
        """
        while self.waiting or any(chunk is not None for _, chunk in self.tasks.values()):
            done, _ = self.ray.wait(list(self.tasks), timeout=1)
            if not self.ready:
                self._still_alone()
            if not done:
                yield None
            for ref in done:
                if ref not in self.tasks:
                    continue  # given out again with the others of its worker
                worker, chunk = self.tasks[ref]
                try:
                    result = self.ray.get(ref)
                except self.ray.exceptions.RayError as error:
                    self._failed(ref, worker, chunk, error)
                    continue
                del self.tasks[ref]
                if chunk is None:
                    self.ready.add(worker)
                    self.failed_starts = 0
                self._give(worker)
                if chunk is not None:
                    yield chunk, result

    def dismiss(self) -> None:
        """End every worker."""
        for worker in {worker for worker, _ in self.tasks.values()} | self.ready:
            with suppress(ConnectionError):
                self.ray.kill(worker)

    def _hire(self) -> None:
        worker = self.kind.remote(self.make, self.want.cpus)
        self.tasks[worker.load.remote()] = (worker, None)

    def _give(self, worker: Any) -> None:
        """Fill what a worker has before it; a chunk that failed is given alone, so that no other is blamed for it."""
        has = [chunk for owner, chunk in self.tasks.values() if owner is worker and chunk is not None]
        while self.waiting and len(has) < IN_FLIGHT and not (has and self._suspect(has[0], self.waiting[0])):
            chunk = self.waiting.popleft()
            self.tasks[worker.work.remote(chunk)] = (worker, chunk)
            has.append(chunk)

    def _suspect(self, *chunks: Chunk) -> bool:
        return any(self.tried[chunk.id] for chunk in chunks)

    def _failed(self, ref: Any, worker: Any, chunk: Chunk | None, error: Exception) -> None:
        """Try again what a worker, alive or dead, did not do; the oldest chunk it was given is to blame for a death.

        Raises:
            SeglensError: what the worker raised, or one try too many.
        """
        raised = isinstance(error, self.ray.exceptions.RayTaskError)
        cause = getattr(error, "cause", None) if raised else None
        if isinstance(cause, SeglensError):
            raise cause
        why = f"{type(cause or error).__name__}: {first_line(cause or error)}"
        if chunk is None:
            self.failed_starts += 1
            if self.failed_starts >= ATTEMPTS:
                raise SeglensError(f"engine 'ray': {ATTEMPTS} workers could not start, the last one: {why}") from error
        else:
            self.tried[chunk.id] += 1
            if self.tried[chunk.id] >= ATTEMPTS:
                raise _given_up(chunk, why) from error
        if raised and chunk is not None:
            del self.tasks[ref]
            self.waiting.append(chunk)
            self._give(worker)
            return
        self._replace(worker)

    def _replace(self, worker: Any) -> None:
        lost = {ref: chunk for ref, (owner, chunk) in self.tasks.items() if owner is worker}
        for ref in lost:
            del self.tasks[ref]
        self.waiting.extendleft(reversed([chunk for chunk in lost.values() if chunk is not None]))
        self.ray.kill(worker)
        self.ready.discard(worker)
        if not self.ready:
            self.alone = time.monotonic()
        self._hire()

    def _still_alone(self) -> None:
        """Without a worker, wait for one, within bounds."""
        if not any(node["Alive"] for node in self.ray.nodes()):
            raise gone("none of its nodes is alive")
        if time.monotonic() - self.alone > PLACE_SECONDS:
            raise self._no_room(self.ray.cluster_resources())


def _given_up(chunk: Chunk, why: str) -> SeglensError:
    return SeglensError(
        f"engine 'ray': chunk {chunk.id} (images '{chunk.images[0]}' to '{chunk.images[-1]}') failed {ATTEMPTS} times, "
        f"the last time with {why}. Everything finished so far is kept: mend what is wrong with these images or their "
        "workers' memory, then go on with --resume."
    )
