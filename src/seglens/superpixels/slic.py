"""SLIC superpixels of a pool, computed once and kept on disk."""

from __future__ import annotations

import hashlib
import io
import json
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path

import numpy as np
from skimage.segmentation import slic

from seglens.config import cores
from seglens.files import encode_id, locked, write_bytes
from seglens.protocols import Progress, SegDataset
from seglens.superpixels.search import Search, Setting
from seglens.types import ByteArray, ImageId, IntArray, SeglensError

SAMPLE = 16
"""Images, spread over the pool, on which the setting is searched."""
TOLERANCE = 0.10
"""How far the pool's mean count may lie from the one asked."""
TRIES = 3
"""Most settings that the pool is computed with."""
COUNTED = 2_000
"""Images that stand for a larger pool when its mean count is checked, drawn by their ids."""


class Superpixels:
    """The superpixels of every image of a pool.

    SLIC gives fewer superpixels than it is asked for, by image and compactness. Its setting is searched on a sample of
    the pool until the mean count fits, then checked on the whole pool (of a large one on ``COUNTED`` images) and
    corrected if it is off; only then is it written down (``setting.json``), and never changed again. Killed before
    that, it goes on with the files it has.

    Args:
        data: the pool; its fingerprint keys the files.
        folder: where sets of superpixels are kept.
        segments: superpixels an image, mean over the pool.
        compactness: high = square, low = follows colour.

    Reference: Achanta et al., SLIC Superpixels (TPAMI 2012), through scikit-image.
    """

    def __init__(self, data: SegDataset, folder: Path, segments: int = 256, compactness: float = 10.0) -> None:
        self.data, self.segments, self.compactness = data, segments, compactness
        plain = json.dumps([1, data.fingerprint(), segments, compactness])
        self.key = f"slic-{segments}-c{compactness:g}-{hashlib.sha256(plain.encode()).hexdigest()[:8]}"
        self.folder = folder / self.key
        self._settled: tuple[Setting, float] | None = None
        self._ranks: dict[ImageId, int] = {}

    @property
    def mean_count(self) -> float:
        """Superpixels an image, mean over the pool (of a large one over ``COUNTED`` images)."""
        return self._load()[1]

    def prepare(self, ids: Sequence[ImageId], progress: Progress | None = None) -> None:
        """Compute and store what is missing; the first call settles the setting, for which it computes the pool
        (of a large one ``COUNTED`` images).

        Args:
            ids: the images needed.
            progress: called with (done, total) images.

        Raises:
            SeglensError: an empty pool, or a count that SLIC comes nowhere near.
        """
        self._settled = self._settled or self._read()
        if self._settled is not None and not self._missing(ids, self._settled[0]):
            return
        with locked(self.folder):  # another run may be at it: wait, then find it settled
            setting = self._setting(progress)
        self._counts(self._missing(ids, setting), setting, progress)

    def labels(self, id: ImageId) -> IntArray:
        """(H, W) int32 superpixel of each pixel, numbered from 0 without gaps, in the image's own pixels.

        Raises:
            SeglensError: the stored file cannot be read.
        """
        setting = self._load()[0]
        path = self._path(id, setting)
        if not path.exists():
            self._count(id, path, self._n(id, setting))
        return _read_labels(path).astype(np.int32)

    def _setting(self, progress: Progress | None) -> Setting:
        """The setting, settled and written down where it is not yet."""
        self._settled = self._settled or self._read()
        if self._settled is None:
            setting, mean = self._settle(progress)
            text = json.dumps({**asdict(setting), "mean_count": mean})
            write_bytes(self.folder / "setting.json", text.encode())
            self._settled = setting, mean
        return self._settled[0]

    def _load(self) -> tuple[Setting, float]:
        if self._settled is None:
            self.prepare([])
        assert self._settled is not None
        return self._settled

    def _read(self) -> tuple[Setting, float] | None:
        path = self.folder / "setting.json"
        try:
            found = json.loads(path.read_text())
            return Setting(int(found["low"]), int(found["high"]), float(found["share"])), float(found["mean_count"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            raise SeglensError(f"{path}: not a setting of ours; delete the folder to compute it anew") from None

    def _n(self, id: ImageId, setting: Setting) -> int:
        if not self._ranks:
            self._ranks = {known: rank for rank, known in enumerate(self.data.ids)}
        return setting.at(self._ranks[id])

    def _path(self, id: ImageId, setting: Setting) -> Path:
        return self.folder / str(self._n(id, setting)) / f"{encode_id(id)}.npy"

    def _missing(self, ids: Sequence[ImageId], setting: Setting) -> list[ImageId]:
        return [id for id in ids if not self._path(id, setting).exists()]

    def _settle(self, progress: Progress | None) -> tuple[Setting, float]:
        """The setting whose mean count fits, with that mean."""
        ids = list(self.data.ids)
        if not ids:
            raise SeglensError("superpixels: the pool is empty")
        counted = sorted(ids, key=lambda id: zlib.crc32(id.encode()))[:COUNTED] if len(ids) > COUNTED else ids
        search = Search(self._on_sample(ids))
        found: dict[Setting, float] = {}
        target = float(self.segments)
        for _ in range(TRIES):
            setting = search.find(target)
            if setting in found:
                break
            found[setting] = float(np.mean(self._counts(counted, setting, progress)))
            if abs(found[setting] / self.segments - 1) <= TOLERANCE:
                break
            target *= self.segments / found[setting]
        best = min(found, key=lambda setting: abs(found[setting] / self.segments - 1))
        if abs(found[best] / self.segments - 1) > TOLERANCE:
            raise SeglensError(
                f"superpixels: segments is {self.segments}, but SLIC reaches {found[best]:.0f} an image at best; ask "
                f"for a number near that, raise compactness (now {self.compactness:g}) or cut a grid"
            )
        return best, found[best]

    def _on_sample(self, ids: Sequence[ImageId]) -> Callable[[int], float]:
        """The mean count of a sample at a setting."""
        spread = np.unique(np.linspace(0, len(ids) - 1, min(SAMPLE, len(ids))).astype(int))
        images = [self.data.image(ids[place]) for place in spread]

        def mean_count(n: int) -> float:
            with ThreadPoolExecutor(_workers()) as pool:
                counts = pool.map(lambda image: int(superpixels(image, n, self.compactness).max()) + 1, images)
                return float(np.mean(list(counts)))

        return mean_count

    def _counts(self, ids: Sequence[ImageId], setting: Setting, progress: Progress | None) -> list[int]:
        """The number of superpixels of each image, computing and storing what is missing."""
        counts = [0] * len(ids)
        with ThreadPoolExecutor(_workers()) as pool:
            jobs = {
                pool.submit(self._count, id, self._path(id, setting), self._n(id, setting)): place
                for place, id in enumerate(ids)
            }
            try:
                for done, job in enumerate(as_completed(jobs), start=1):
                    counts[jobs[job]] = job.result()
                    if progress is not None:
                        progress(done, len(ids))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return counts

    def _count(self, id: ImageId, path: Path, n: int) -> int:
        if path.exists():
            return int(_read_labels(path).max()) + 1
        with locked(self.folder, id):  # another process may be at it: wait, then find it done
            if path.exists():
                return int(_read_labels(path).max()) + 1
            labels = superpixels(self.data.image(id), n, self.compactness)
            count = int(labels.max()) + 1
            buffer = io.BytesIO()
            np.save(buffer, labels.astype(np.uint16 if count <= 1 << 16 else np.int32), allow_pickle=False)
            write_bytes(path, buffer.getvalue())
            return count


def superpixels(image: ByteArray, n: int, compactness: float) -> IntArray:
    """SLIC of one image.

    Args:
        image: (H, W, 3) uint8 RGB.
        n: SLIC's own setting; it gives about as many.
        compactness: high = square, low = follows colour.

    Returns:
        (H, W) int32, numbered from 0 without gaps.
    """
    labels = slic(image, n_segments=n, compactness=compactness, start_label=0, channel_axis=-1)
    consecutive: IntArray = np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.int32)
    return consecutive


def _read_labels(path: Path) -> IntArray:
    try:
        labels: IntArray = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise SeglensError(f"{path}: unreadable ({error}); delete it to compute it anew") from None
    return labels


def _workers() -> int:
    # SLIC releases the interpreter's lock, so that threads are enough.
    return min(cores(), 8)
