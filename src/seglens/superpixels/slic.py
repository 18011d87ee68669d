"""SLIC superpixels of a pool, computed once and kept on disk."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import numpy as np
from skimage.segmentation import slic

from seglens.files import encode_id, write_bytes
from seglens.protocols import Progress, SegDataset
from seglens.types import ByteArray, ImageId, IntArray, SeglensError

SAMPLE = 12
"""Images, spread over the pool, on which the setting is searched."""
TOLERANCE = 0.10
"""How far the pool's mean count may lie from the one asked."""


class Superpixels:
    """The superpixels of every image of a pool.

    SLIC gives fewer superpixels than it is asked for, by image and compactness. Its setting is searched on a sample of
    the pool until the mean count fits, then checked on the whole pool and corrected if it is off; only then is it
    written down (``setting.json``), and never changed again. Killed before that, it goes on with the files it has.

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
        self._setting: tuple[int, float] | None = None

    @property
    def mean_count(self) -> float:
        """Superpixels an image, mean over the pool."""
        return self._load()[1]

    def prepare(self, ids: Sequence[ImageId], progress: Progress | None = None) -> None:
        """Compute and store what is missing; the first call computes the whole pool, to settle the setting.

        Args:
            ids: the images needed.
            progress: called with (done, total) images.
        """
        if self._setting is None and (setting := self._read()):
            self._setting = setting
        if self._setting is None:
            self._setting = self._settle(progress)
            write_bytes(self.folder / "setting.json", json.dumps(self._setting).encode())
        missing = [id for id in ids if not self._path(id, self._setting[0]).exists()]
        self._counts(missing, self._setting[0], progress)

    def labels(self, id: ImageId) -> IntArray:
        """(H, W) int32 superpixel of each pixel, numbered from 0 without gaps, in the image's own pixels.

        Raises:
            SeglensError: the stored file cannot be read.
        """
        n = self._load()[0]
        path = self._path(id, n)
        if not path.exists():
            self._counts([id], n, None)
        return _read_labels(path).astype(np.int32)

    def _load(self) -> tuple[int, float]:
        if self._setting is None:
            self.prepare([])
        assert self._setting is not None
        return self._setting

    def _read(self) -> tuple[int, float] | None:
        path = self.folder / "setting.json"
        try:
            n, mean = json.loads(path.read_text())
        except FileNotFoundError:
            return None
        except ValueError:
            raise SeglensError(f"{path}: not a setting of ours; delete the folder to compute it anew") from None
        return int(n), float(mean)

    def _path(self, id: ImageId, n: int) -> Path:
        return self.folder / str(n) / f"{encode_id(id)}.npy"

    def _settle(self, progress: Progress | None) -> tuple[int, float]:
        """The setting whose mean count over the whole pool fits, with that mean."""
        ids = list(self.data.ids)
        if not ids:
            raise SeglensError("superpixels: the pool is empty")
        spread = np.unique(np.linspace(0, len(ids) - 1, min(SAMPLE, len(ids))).astype(int))
        images = [self.data.image(ids[index]) for index in spread]

        def on_sample(n: int) -> float:
            with ThreadPoolExecutor(_workers()) as pool:
                return (
                    float(np.mean(list(pool.map(lambda image: superpixels(image, n, self.compactness).max(), images))))
                    + 1
                )

        n, guess = search(on_sample, self.segments, tolerance=TOLERANCE / 4)

        def on_pool(n: int) -> float:
            return float(np.mean(self._counts(ids, n, progress)))

        n, mean = search(on_pool, self.segments, TOLERANCE, start=n, tries=3)
        if not 0.5 <= mean / self.segments <= 2:
            raise SeglensError(
                f"superpixels: segments is {self.segments}, but SLIC reaches {mean:.0f} an image at best "
                f"(sample: {guess:.0f}); ask for a number near that, or use cut 'grid'"
            )
        return n, mean

    def _counts(self, ids: Sequence[ImageId], n: int, progress: Progress | None) -> list[int]:
        """The number of superpixels of each image, computing and storing what is missing."""
        with ThreadPoolExecutor(_workers()) as pool:
            jobs = {pool.submit(self._count, id, n): place for place, id in enumerate(ids)}
            counts = [0] * len(ids)
            try:
                for done, job in enumerate(as_completed(jobs), start=1):
                    counts[jobs[job]] = job.result()
                    if progress is not None:
                        progress(done, len(ids))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return counts

    def _count(self, id: ImageId, n: int) -> int:
        path = self._path(id, n)
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


def search(
    measure: Callable[[int], float], wanted: float, tolerance: float, start: int | None = None, tries: int = 8
) -> tuple[int, float]:
    """The setting whose measure, which grows with it, comes nearest to ``wanted``.

    Args:
        measure: the mean count at a setting.
        wanted: the count asked for.
        tolerance: relative; the search ends within it.
        start: first setting to try; default: ``wanted``.
        tries: most settings to try.

    Returns:
        The setting and its measure.
    """
    tried: dict[int, float] = {}
    n = start if start is not None else max(round(wanted), 1)
    for _ in range(tries):
        tried[n] = measure(n)
        if abs(tried[n] / wanted - 1) <= tolerance:
            break
        n = max(round(n * wanted / max(tried[n], 1.0)), 1)
        below = max((m for m, count in tried.items() if count < wanted), default=None)
        above = min((m for m, count in tried.items() if count >= wanted), default=None)
        if below is not None and above is not None and not below < n < above:
            n = (below + above) // 2
        if n in tried:
            break
    best = min(tried, key=lambda m: (abs(tried[m] / wanted - 1), m))
    return best, tried[best]


def _read_labels(path: Path) -> IntArray:
    try:
        labels: IntArray = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise SeglensError(f"{path}: unreadable ({error}); delete it to compute it anew") from None
    return labels


def _workers() -> int:
    # SLIC releases the interpreter's lock, so that threads are enough.
    return min(os.cpu_count() or 1, 8)
