"""A run's images as other tools' files name them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any, TypeAlias

import numpy as np

from seglens.files import decode_id
from seglens.protocols import SegDataset
from seglens.types import IGNORE, ByteArray, ClassTable, ImageId, IntArray, SeglensError, Size

Masks: TypeAlias = Iterable[tuple[ImageId, ByteArray]]
"""Images with the class of each pixel, (H, W) uint8, IGNORE = unlabelled."""

UNLABELLED = ("unlabelled", "unlabeled", "void", "ignore", "background")
"""What other tools call pixels without a label, where the run has no class of that name."""


class Album:
    """The images and classes of a run, to look up what a file names.

    Args:
        data: the run's images.
    """

    def __init__(self, data: SegDataset) -> None:
        self.data = data
        self.classes = data.classes
        self.known = frozenset(data.ids)
        self.notes: Counter[str] = Counter()
        if not len(self.classes):
            raise SeglensError("this run's data names no classes: masks cannot be told or read without them")

    def size(self, id: ImageId) -> Size:
        """(H, W) of an image."""
        return self.data.item(id).size

    def find(self, name: str, where: str, ending: bool = True) -> ImageId:
        """The image that a file name means.

        Args:
            name: as the file gives it: the id, with a picture's ending where ``ending``, or percent-encoded; tools that
                drop folders leave its last part, which is enough where only one image has it.
            where: file and place, for errors.
            ending: whether what stands behind the last dot is taken for an ending first.

        Raises:
            SeglensError: a name that leads out of its folder, or no image of the run.
        """
        refuse_paths(name, where)
        path = PurePosixPath(name)
        stem = str(path.with_suffix("")) if ending and path.name else name
        for candidate in (stem, name, decode_id(stem)):
            if candidate in self.known:
                return candidate
        alone = self._by_last.get(stem, ())
        if len(alone) == 1:
            return alone[0]
        some = ", ".join(sorted(self.known)[:3])
        raise SeglensError(f"{where}: image '{name}' is not in this run of {len(self.known)} images ({some}, ...)")

    @cached_property
    def _by_last(self) -> dict[str, list[ImageId]]:
        """The images by the last part of their ids."""
        found: dict[str, list[ImageId]] = {}
        for id in self.data.ids:
            found.setdefault(id.rpartition("/")[2], []).append(id)
        return found

    def find_made(self, name_of: Callable[[ImageId], str]) -> dict[str, ImageId]:
        """Each image by the name that a format gives it."""
        return {name_of(id): id for id in self.data.ids}

    def index(self, name: str, where: str) -> int:
        """The run's index of a class name; IGNORE for what other tools call unlabelled.

        Raises:
            SeglensError: no class of the run.
        """
        if name in self.classes.names:
            return self.classes.names.index(name)
        if name.lower() in UNLABELLED:
            return IGNORE
        raise SeglensError(f"{where}: unknown class '{name}'. Allowed: {', '.join(self.classes.names)}")

    def check_size(self, id: ImageId, size: Size, where: str) -> None:
        """Compare the size that a file gives with the image's.

        Raises:
            SeglensError: they differ.
        """
        right = self.size(id)
        if size != right:
            raise SeglensError(
                f"{where}: the mask of '{id}' is {size[0]}x{size[1]}, its image {right[0]}x{right[1]} (height x width)"
            )

    def note(self, what: str, times: int = 1) -> None:
        """Tell something that was left out, without stopping for it."""
        self.notes[what] += times


def refuse_paths(name: Any, where: str) -> None:
    """Refuse names that lead out of the folder they are looked up in.

    Raises:
        SeglensError: absolute, with ``..`` or a backslash in it, empty, or no text.
    """
    if not isinstance(name, str) or not name or "\0" in name:
        raise SeglensError(f"{where}: found {name!r}, expected a file name")
    if name.startswith("/") or "\\" in name or ".." in PurePosixPath(name).parts:
        raise SeglensError(f"{where}: file name '{name}' leads out of its folder; allowed are names below it")


def refuse_twice(masks: Masks, where: str) -> Iterator[tuple[ImageId, ByteArray]]:
    """The same masks, each image once.

    Raises:
        SeglensError: an image comes again.
    """
    seen: set[ImageId] = set()
    for id, mask in masks:
        if id in seen:
            raise SeglensError(f"{where}: image '{id}' is in it twice")
        seen.add(id)
        yield id, mask


def translate(values: IntArray, meaning: Callable[[int], int]) -> ByteArray:
    """Another tool's values as the run's classes.

    Args:
        values: (H, W) integers.
        meaning: the class of a value, IGNORE = unlabelled; it raises for values without a meaning.

    Returns:
        (H, W) uint8.
    """
    found, place = np.unique(values, return_inverse=True)
    table = np.array([meaning(int(value)) for value in found], np.uint8)
    out: ByteArray = table[place.reshape(values.shape)]
    return out


def check_names(classes: ClassTable, ids: Iterable[ImageId]) -> None:
    """Refuse names that no file can hold.

    Raises:
        SeglensError: a control character in a class name or id, or an id that leads out of its folder.
    """
    for name in classes.names:
        if not name.isprintable():
            raise SeglensError(f"class {name!r}: a control character in its name; it cannot be written to a file")
    for id in ids:
        refuse_paths(id, "image")
        if not id.isprintable() or any(part in ("", ".") for part in id.split("/")):
            raise SeglensError(f"image {id!r}: no name for a file; allowed are printable parts, parted by single /")
