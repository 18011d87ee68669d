"""The stream in this process, one chunk after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from seglens.config import NoParams
from seglens.registry import engines
from seglens.types import Chunk

T = TypeVar("T")


@engines.register("local")
class LocalEngine:
    """Runs every chunk here."""

    Params = NoParams

    def __init__(self, params: NoParams) -> None:
        self.params = params

    def run(self, make: Callable[[], Callable[[Chunk], T]], chunks: Sequence[Chunk]) -> Iterator[tuple[Chunk, T]]:
        """The result of each chunk, in order."""
        if not chunks:
            return
        work = make()
        for chunk in chunks:
            yield chunk, work(chunk)
