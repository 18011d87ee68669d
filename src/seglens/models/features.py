"""The cache of a fixed encoder's features: float16 in memory-mapped files, one a group of images and view."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from seglens.files import locked, write_bytes
from seglens.models.images import load_image
from seglens.models.network import SegNet
from seglens.models.views import view_of
from seglens.protocols import Progress, SegDataset
from seglens.types import FloatArray, ImageId, SeglensError, Size

GROUP = 8
"""Images encoded together. Groups follow the dataset's order: values do not depend on what was asked for."""

OPEN_FILES = 256
"""Files of a cache kept mapped at a time."""

HalfArray = npt.NDArray[np.float16]


def weights_digest(module: nn.Module) -> str:
    """A short digest of every parameter and buffer of a module."""
    digest = hashlib.sha256()
    for key, value in module.state_dict().items():
        digest.update(key.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


class FeatureCache:
    """Features of a few fixed views of each image of a dataset.

    A group of images is one file per view, written under a temporary name and renamed: it is there and whole, or it is
    not. So filling can be killed at any time, and two processes at once only wait for each other.

    Args:
        folder: where caches live; each set of (images, encoder, weights, size) gets a folder of its own.
        data: the images.
        net: whose encoder; it must stay as it is.
        size: (h, w) the images are brought to.
        views: names of the views to keep (``seglens.models.views``); ``plain`` is kept in any case.
        max_gib: largest size that is started, GiB.
        stages: keep the encoder's pooled stages too.

    Raises:
        SeglensError: an unknown view.
    """

    def __init__(
        self,
        folder: Path,
        data: SegDataset,
        net: SegNet,
        size: Size,
        views: Sequence[str],
        max_gib: float,
        stages: bool = False,
    ) -> None:
        self.data, self.net, self.size, self.max_gib, self.stages = data, net, size, max_gib, stages
        self.views = tuple(dict.fromkeys(("plain", *views)))
        self._views = {name: view_of(name) for name in self.views}
        self._position = {id: i for i, id in enumerate(data.ids)}
        self._shapes = self._tap_shapes()
        key = repr(
            (
                "2",
                data.fingerprint(),
                net.config.encoder if net.stride == 32 else f"{net.config.encoder} at stride {net.stride}",
                weights_digest(net.encoder),
                size,
                sorted(self._shapes),
                GROUP,
            )
        )
        self.path = folder / hashlib.sha256(key.encode()).hexdigest()[:16]
        self._open: dict[tuple[int, str], HalfArray] = {}

    def estimate_bytes(self, n_images: int) -> int:
        """What the features of ``n_images`` images take on disk, all views."""
        return n_images * len(self.views) * 2 * self._width

    def fill(self, ids: Sequence[ImageId], progress: Progress | None = None) -> None:
        """Compute what is missing of the images (and of their group mates).

        Args:
            ids: images that ``get`` will be asked for.
            progress: called with images done, images to do.

        Raises:
            SeglensError: past ``cache.max_gib``, no disk space, an unreadable image, an unknown id.
        """
        self.check_size(ids)
        missing = self._missing(self._groups(ids))
        total, done = sum(len(self._members(group)) for group in missing), 0
        for group in missing:
            with locked(self.path, str(group)):
                for view in self.views:
                    if not self._file(group, view).exists():
                        self._encode(group, view)
            done += len(self._members(group))
            if progress is not None:
                progress(done, total)

    def check_size(self, ids: Sequence[ImageId]) -> None:
        """Refuse to start on images whose features are past ``cache.max_gib``.

        Raises:
            SeglensError: that, or an unknown id.
        """
        images = sum(len(self._members(group)) for group in self._groups(ids))
        estimate = self.estimate_bytes(images) / 2**30
        if estimate > self.max_gib:
            raise SeglensError(
                f"cache.max_gib: the features of {images} images in {len(self.views)} views would take "
                f"{estimate:.3g} GiB, the limit is {self.max_gib:g} GiB; raise cache.max_gib, or lower model.size, "
                "train.views or the number of images"
            )

    def missing(self, ids: Sequence[ImageId]) -> int:
        """How many images ``fill`` would encode."""
        return sum(len(self._members(group)) for group in self._missing(self._groups(ids)))

    def _groups(self, ids: Sequence[ImageId]) -> list[int]:
        return sorted({self._group(id) for id in ids})

    def _missing(self, groups: Sequence[int]) -> list[int]:
        return [group for group in groups if not all(self._file(group, view).exists() for view in self.views)]

    def get(self, ids: Sequence[ImageId], views: Sequence[str] | None = None) -> dict[str, Tensor]:
        """Features of several images, as ``SegNet.encode`` gives them.

        Args:
            ids: the images.
            views: one an image; None = plain.

        Returns:
            tap to (N, D, H', W') float16, copied out of the maps.

        Raises:
            SeglensError: not filled, or no such view here.
        """
        rows = [self.one(id, view) for id, view in zip(ids, views or ["plain"] * len(ids), strict=True)]
        return {tap: torch.stack([row[tap] for row in rows]) for tap in self._shapes}

    def one(self, id: ImageId, view: str = "plain") -> dict[str, Tensor]:
        """Features of one image: tap to (D, H', W') float16."""
        row = torch.from_numpy(np.array(self._row(id, view)))
        parts = torch.split(row, [math.prod(shape) for shape in self._shapes.values()])
        return {tap: part.view(shape) for (tap, shape), part in zip(self._shapes.items(), parts, strict=True)}

    def pooled(self, ids: Sequence[ImageId]) -> FloatArray:
        """(N, D) float32: the mean of each image's deepest features, to spread over the pool without a model."""
        tap = self.net.taps[-1]
        return np.stack([self.one(id)[tap].float().mean((1, 2)).numpy() for id in ids])

    @property
    def _width(self) -> int:
        return sum(math.prod(shape) for shape in self._shapes.values())

    def _tap_shapes(self) -> dict[str, tuple[int, ...]]:
        device = self.net.mean.device
        with torch.no_grad():
            features = self._encoder_in_eval(torch.zeros(1, 3, *self.size, device=device))
        return {tap: tuple(value.shape[1:]) for tap, value in features.items()}

    def _encoder_in_eval(self, images: Tensor) -> dict[str, Tensor]:
        mode = self.net.encoder.training
        self.net.encoder.eval()
        try:
            return self.net.encode(images, self.stages)
        finally:
            self.net.encoder.train(mode)

    def _group(self, id: ImageId) -> int:
        if id not in self._position:
            raise SeglensError(f"feature cache: unknown image '{id}'")
        return self._position[id] // GROUP

    def _members(self, group: int) -> Sequence[ImageId]:
        return self.data.ids[group * GROUP : (group + 1) * GROUP]

    def _file(self, group: int, view: str) -> Path:
        seen = hashlib.sha256(repr(self._views[view]).encode()).hexdigest()[:8]  # a view may be redefined
        return self.path / f"{view}-{seen}" / f"{group:06d}.npy"

    def _encode(self, group: int, view: str) -> None:
        images = torch.stack([load_image(self.data, id, self.size, self._views[view]) for id in self._members(group)])
        with torch.no_grad():
            features = self._encoder_in_eval(images.to(self.net.mean.device))
        rows = torch.cat([features[tap].flatten(1) for tap in self._shapes], 1).to(torch.float16).cpu().numpy()
        if not np.isfinite(rows).all():
            raise SeglensError("feature cache: the encoder gives values beyond float16; use train.rhythm finetune")
        self._write(self._file(group, view), rows)

    def _write(self, file: Path, rows: HalfArray) -> None:
        buffer = io.BytesIO()
        np.save(buffer, rows)
        write_bytes(file, buffer.getvalue())

    def _row(self, id: ImageId, view: str) -> HalfArray:
        group = self._group(id)
        found = self._open.get((group, view))  # several threads read: another may let it go at any time
        if found is None:
            if view not in self._views or not self._file(group, view).exists():
                raise SeglensError(f"feature cache: no features of '{id}', view '{view}'; fill it first")
            while len(self._open) >= OPEN_FILES:  # each map holds a file descriptor: let the oldest go
                self._open.pop(next(iter(self._open), (group, view)), None)
            found = self._open[group, view] = np.load(self._file(group, view), mmap_mode="r")
        row: HalfArray = found[self._position[id] % GROUP]
        return row
