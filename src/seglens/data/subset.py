"""Some images of another dataset, and their truth: what datasets that part others are made of."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from seglens.config import PartConfig
from seglens.protocols import LabelSource, Scaled, SegDataset
from seglens.registry import datasets
from seglens.types import ByteArray, ImageId, Item, SeglensError, Size


def truth(part: PartConfig) -> LabelSource:
    """The labels of the dataset that ``part`` names."""
    source: LabelSource = datasets.get(part.name).labels(datasets.params(part))
    return source


class SubsetImages:
    """Some images of a dataset: a SegDataset. It knows no label.

    Args:
        data: the other dataset.
        ids: of the images that are kept, in order.
        what: what these are called in errors: ``this part of the folds``.
    """

    def __init__(self, data: SegDataset, ids: Sequence[ImageId], what: str) -> None:
        self._data, self._what = data, what
        self.classes = data.classes
        self.ids: Sequence[ImageId] = tuple(ids)
        self._known = frozenset(ids)
        if hasattr(data, "depth"):
            self.depth = data.depth  # exact depth, where a dataset has it
        if hasattr(data, "file"):
            self.file = data.file  # where an image lies, where it is a file

    def item(self, id: ImageId) -> Item:
        """As the other dataset's."""
        return self._data.item(_inside(id, self._known, self._what))

    def image(self, id: ImageId) -> ByteArray:
        """(H, W, 3) uint8 RGB.

        Raises:
            SeglensError: an image that is left out, or a file that cannot be read.
        """
        return self._data.image(_inside(id, self._known, self._what))

    def image_for(self, id: ImageId, size: Size) -> ByteArray:
        """As the other dataset's, or ``image``."""
        if not isinstance(self._data, Scaled):
            return self.image(id)
        return self._data.image_for(_inside(id, self._known, self._what), size)

    def fingerprint(self) -> str:
        """A digest of the other dataset's, and of the ids."""
        return hashlib.blake2b(repr((self._data.fingerprint(), self.ids)).encode(), digest_size=12).hexdigest()


class SubsetLabels:
    """The truth of some images of a dataset: a LabelSource."""

    def __init__(self, labels: LabelSource, ids: Sequence[ImageId], what: str) -> None:
        self._labels, self._known, self._what = labels, frozenset(ids), what

    def has(self, id: ImageId) -> bool:
        """Whether the image is one of these and has a mask."""
        return id in self._known and self._labels.has(id)

    def label(self, id: ImageId) -> ByteArray:
        """(H, W) uint8 class index, IGNORE = void.

        Raises:
            SeglensError: an image that is left out, or a mask that cannot be read.
        """
        return self._labels.label(_inside(id, self._known, self._what))


def _inside(id: ImageId, known: frozenset[ImageId], what: str) -> ImageId:
    if id not in known:
        raise SeglensError(f"image '{id}': not in {what}, of {len(known)} images")
    return id
