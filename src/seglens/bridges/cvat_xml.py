"""CVAT's XML, read picture by picture; nothing is expanded, so that no file can grow while it is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from seglens.bridges.reading import LARGEST
from seglens.types import SeglensError

PIECE = 2**20
IGNORED = frozenset({"attribute"})


@dataclass(frozen=True)
class Shape:
    """Something drawn: ``mask``, ``polygon``, ``box``, ...; ``line`` of the file."""

    kind: str
    attributes: dict[str, str]
    line: int


@dataclass
class Picture:
    """An image with its shapes, in the file's order."""

    attributes: dict[str, str]
    line: int
    shapes: list[Shape] = field(default_factory=list)


class _Reader:
    """Collects pictures; those that are complete wait in ``done``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.depth = 0
        self.image: Picture | None = None
        self.done: list[Picture] = []

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        line = self.parser.CurrentLineNumber
        self.depth += 1
        if self.depth == 1 and name != "annotations":
            raise SeglensError(f"{self.path}: expected CVAT's <annotations>, found <{name}>")
        if self.depth == 2 and name == "track":
            raise SeglensError(f"{self.path}:{line}: this is CVAT for video; export it as 'CVAT for images 1.1'")
        if self.depth == 2 and name == "image":
            self.image = Picture(attributes, line)
        elif self.depth == 3 and self.image is not None and name not in IGNORED:
            self.image.shapes.append(Shape(name, attributes, line))

    def _end(self, name: str) -> None:
        self.depth -= 1
        if self.depth == 1 and self.image is not None:
            self.done.append(self.image)
            self.image = None

    def _doctype(self, *_given: object) -> None:
        raise SeglensError(f"{self.path}: it declares a document type; CVAT's files have none, and it is not read")

    def take(self) -> list[Picture]:
        """The pictures completed since the last call."""
        found, self.done = self.done, []
        return found


def pictures_in(path: Path) -> Iterator[Picture]:
    """The pictures of a CVAT file, in its order.

    Raises:
        SeglensError: missing, damaged, larger than 1 GiB, no CVAT file, one of videos, or with a document type.
    """
    reader = _Reader(path)
    try:
        if path.stat().st_size > LARGEST:
            raise SeglensError(f"{path}: {path.stat().st_size} bytes; at most {LARGEST} are read")
        with open(path, "rb") as file:
            while piece := file.read(PIECE):
                reader.parser.Parse(piece, False)
                yield from reader.take()
        reader.parser.Parse(b"", True)
        yield from reader.take()
    except expat.ExpatError as error:
        raise SeglensError(f"{path}: damaged XML: {error}") from None
    except OSError as error:
        raise SeglensError(f"{path}: cannot be read ({error.strerror})") from None
