"""Datasets that lie in files: images and masks by id. Layouts (camvid, folder, ...) only say where the files are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field, field_validator

from seglens.config import Params
from seglens.data.errors import MaskSizeError, MissingMaskError, UnknownClassError, UnreadableError
from seglens.data.files import read_image, read_mask, read_size
from seglens.data.storage import Place, PlaceField, Remote
from seglens.types import IGNORE, ByteArray, ClassTable, ImageId, IntArray, Item, SeglensError, Size

_UNKNOWN = -1
_NAMED = 20


class SplitParams(Params):
    """Where a dataset of splits lies and which part of it; a bare name stands for a list of one."""

    root: PlaceField = Field(description="folder of the dataset, or its URL (s3://bucket/prefix)")
    splits: tuple[str, ...] = Field(("train",), min_length=1, description="splits, in order")
    include: tuple[str, ...] = Field((), description="what to keep; empty = all")
    exclude: tuple[str, ...] = Field((), description="what to leave out")

    @field_validator("splits", "include", "exclude", mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    def kept(self, ids: Iterable[ImageId], name: str, part: str, part_of: Callable[[ImageId], str]) -> list[ImageId]:
        """The ids that ``include`` and ``exclude`` leave, in order.

        Args:
            ids: of the splits' images.
            name: of the dataset.
            part: what ``include`` and ``exclude`` name: sequence, city, ...
            part_of: the part that an image belongs to.

        Raises:
            SeglensError: an unknown part, or nothing is left.
        """
        parts = {id: part_of(id) for id in ids}
        known = sorted(set(parts.values()))
        for one in (*self.include, *self.exclude):
            if one not in known:
                raise SeglensError(f"data '{name}': unknown {part} '{one}'. Allowed: {_some(known)}")
        keep = set(self.include or known) - set(self.exclude)
        found = [id for id, of in parts.items() if of in keep]
        if not found:
            raise SeglensError(f"{self.root}: no image in {', '.join(self.splits)} after include and exclude")
        return found


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return (", ".join(names[:_NAMED]) or "none") + more


@dataclass(frozen=True)
class Entry:
    """Where an image lies, which group (sequence) it belongs to, and where its depth lies, if anywhere."""

    image: Place
    group: str
    depth: Path | None = None


def lookup(table: dict[ImageId, Entry], id: ImageId) -> Entry:
    """The entry of ``id``, or a clear error."""
    if id not in table:
        some = ", ".join(list(table)[:3])
        raise SeglensError(f"image '{id}': not in this dataset of {len(table)} images ({some}, ...)")
    return table[id]


class FileImages:
    """Images in files: a SegDataset. It knows no mask.

    Args:
        classes: the class table.
        entries: where each image lies, in the dataset's order.
    """

    def __init__(self, classes: ClassTable, entries: dict[ImageId, Entry]) -> None:
        self.classes = classes
        self.ids: Sequence[ImageId] = tuple(entries)
        self._entries = entries
        self._fingerprint = ""

    def item(self, id: ImageId) -> Item:
        """Size (from the file's header), group and depth file."""
        entry = lookup(self._entries, id)
        return Item(read_size(entry.image), entry.group, entry.depth)

    def file(self, id: ImageId) -> Path | None:
        """Where an image lies; None where that is no local file."""
        image = lookup(self._entries, id).image
        return image if isinstance(image, Path) else None

    def image(self, id: ImageId) -> ByteArray:
        """(H, W, 3) uint8 RGB.

        Raises:
            SeglensError: the file is missing, unreadable or truncated.
        """
        return read_image(lookup(self._entries, id).image)

    def image_for(self, id: ImageId, size: Size) -> ByteArray:
        """As ``image``, perhaps smaller, but of ``size`` at least: what is brought to that size anyway."""
        return read_image(lookup(self._entries, id).image, size)

    def fingerprint(self) -> str:
        """A digest of the ids in order, and of each file's length and time of change (an object's ETag).

        Raises:
            SeglensError: a file is gone.
        """
        if not self._fingerprint:
            digest = hashlib.blake2b(repr(self.classes.names).encode(), digest_size=12)
            for id, entry in self._entries.items():
                digest.update(f"{id}\0{_stamp(entry.image)}\n".encode())
            self._fingerprint = digest.hexdigest()
        return self._fingerprint


def _stamp(image: Place) -> str:
    if isinstance(image, Remote):
        return image.stamp
    try:
        state = image.stat()
    except OSError as error:
        raise UnreadableError(f"{image}: {error.strerror}") from None
    return f"{state.st_size}\0{state.st_mtime_ns}"


@dataclass(frozen=True)
class FileLabels:
    """Index masks in files: a LabelSource.

    Args:
        classes: the class table.
        images: where each image lies; a mask has to have its size.
        masks: where each mask lies; images without one are left out.
        ignore: mask ids that mean void (IGNORE always does).
        ids: the mask id of each class; None = its index.
    """

    classes: ClassTable
    images: dict[ImageId, Entry] = field(repr=False)
    masks: Mapping[ImageId, Place] = field(repr=False)
    ignore: tuple[int, ...] = ()
    ids: tuple[int, ...] | None = None

    def has(self, id: ImageId) -> bool:
        """Whether the image has a mask."""
        return id in self.masks

    def label(self, id: ImageId) -> ByteArray:
        """(H, W) uint8 class index, IGNORE = void.

        Raises:
            SeglensError: no mask, unreadable, another size than the image's, or ids that no class has.
        """
        entry = lookup(self.images, id)
        if id not in self.masks:
            raise MissingMaskError(f"{entry.image}: the image has no mask")
        path = self.masks[id]
        mask = read_mask(path)
        size = read_size(entry.image)
        if mask.shape != size:
            found = f"{mask.shape[0]}x{mask.shape[1]}"
            raise MaskSizeError(f"{path}: the mask is {found}, its image {size[0]}x{size[1]} (height x width)")
        label = self._table()[np.where((mask >= 0) & (mask <= IGNORE), mask, IGNORE + 1)]
        unknown = label == _UNKNOWN
        if unknown.any():
            raise UnknownClassError(f"{path}: class ids {_few(np.unique(mask[unknown]).tolist())}; {self._allowed()}")
        return label.astype(np.uint8)

    def _table(self) -> IntArray:
        """(257,) the class of each mask id; the last entry is for what is no byte."""
        table = np.full(IGNORE + 2, _UNKNOWN, np.int16)
        table[list(self.ids or range(len(self.classes)))] = np.arange(len(self.classes))
        table[[*self.ignore, IGNORE]] = IGNORE
        return table

    def _allowed(self) -> str:
        void = ", ".join(map(str, sorted({*self.ignore, IGNORE})))
        classes = ", ".join(map(str, self.ids)) if self.ids else f"0 to {len(self.classes) - 1}"
        return f"allowed are {classes}, and {void} for void"


def _few(ids: list[int]) -> str:
    more = f" and {len(ids) - 8} more" if len(ids) > 8 else ""
    return ", ".join(map(str, ids[:8])) + more
