"""The label set of a run: one PNG of classes and one of provenance an image, and class sets where there are any.

The answers are the only truth; these files can be rebuilt from them at any time.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from seglens.files import decode_id, encode_id, read_arrays, read_map, write_arrays, write_map
from seglens.types import ImageId, IntArray, SeglensError, Settled


class LabelFiles:
    """``labels/`` and ``provenance/`` of a run's folder."""

    def __init__(self, run: Path) -> None:
        self.labels = run / "labels"
        self.provenance = run / "provenance"

    def ids(self) -> list[ImageId]:
        """Images with a label file, sorted."""
        return sorted(decode_id(path.stem) for path in self.labels.glob("*.png") if not path.name.startswith("."))

    def write(self, id: ImageId, settled: Settled) -> None:
        """Write an image's labels, provenance and class sets."""
        name = encode_id(id)
        write_map(self.provenance / f"{name}.png", settled.provenance)
        sets = self.labels / f"{name}.sets.npz"
        if settled.regions is not None and settled.sets:
            members = np.array([[s, c] for s, classes in enumerate(settled.sets) for c in classes], np.int32)
            write_arrays(sets, regions=settled.regions, members=members)
        else:
            sets.unlink(missing_ok=True)
        write_map(self.labels / f"{name}.png", settled.label)

    def read(self, id: ImageId) -> Settled:
        """An image's labels.

        Raises:
            SeglensError: the image has none.
        """
        name = encode_id(id)
        path = self.labels / f"{name}.png"
        if not path.exists():
            raise SeglensError(f"{path}: image '{id}' has no labels yet")
        regions: IntArray | None = None
        sets: tuple[tuple[int, ...], ...] = ()
        extra = self.labels / f"{name}.sets.npz"
        if extra.exists():
            arrays = read_arrays(extra)
            regions, sets = arrays["regions"], _sets(arrays["members"])
        return Settled(read_map(path), read_map(self.provenance / f"{name}.png"), regions, sets)

    def keep_only(self, ids: Collection[ImageId]) -> None:
        """Remove the files of every other image (their answers are gone or held back)."""
        kept = {encode_id(id) for id in ids}
        for folder in (self.labels, self.provenance):
            for path in folder.glob("*"):
                if path.name.removesuffix(".png").removesuffix(".sets.npz") not in kept:
                    path.unlink()


def _sets(members: np.ndarray) -> tuple[tuple[int, ...], ...]:
    count = int(members[:, 0].max()) + 1 if len(members) else 0
    return tuple(tuple(int(c) for s, c in members if s == number) for number in range(count))
