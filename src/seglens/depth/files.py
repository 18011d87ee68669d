"""Depth maps that lie in files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, UnidentifiedImageError
from pydantic import Field
from scipy import ndimage
from torch import Tensor

from seglens.config import Params
from seglens.files import encode_id
from seglens.functional.proximity import from_inverse, from_metres, resized
from seglens.protocols import PartContext, Progress
from seglens.registry import depths
from seglens.types import BoolArray, ImageId, SeglensError, Size

SUFFIXES = (".npy", ".png")
SIXTEEN_BIT = {"I", "I;16", "I;16B", "I;16L"}
Floats: TypeAlias = npt.NDArray[np.float32]


class FilesParams(Params):
    """Where the maps lie, and what their values mean."""

    folder: Path | None = Field(
        None, description="folder with a .npy or 16-bit .png an image, named by its id; null = the dataset's own files"
    )
    kind: Literal["metres", "inverse", "disparity-16"] = Field(
        "disparity-16",
        description="metres; inverse (relative, large = near); disparity-16: Cityscapes' 16-bit PNG, (value - 1) / 256 "
        "pixels. 0 and below is invalid in metres and disparity-16, what is not a number in all",
    )
    scale: float = Field(1.0, gt=0, description="kind metres: what one metre is in the file (1000 = millimetres)")
    baseline: float = Field(0.209313, gt=0, description="disparity-16: distance of the two cameras, metres")
    focal: float = Field(2262.52 / 2048, gt=0, description="disparity-16: focal length, image widths")
    near: float = Field(5.0, gt=0, description="distance at which proximity is 1, metres (not for inverse)")


@depths.register("files")
class Files:
    """Depth maps from files: metres, relative inverse depth, or Cityscapes' stereo disparity.

    A map has the size of its image. Invalid pixels take the value of the nearest valid one.
    """

    Params = FilesParams

    def __init__(self, params: FilesParams, context: PartContext) -> None:
        self.params, self.context = params, context

    def prepare(self, ids: Sequence[ImageId], progress: Progress | None = None) -> None:
        """Nothing is computed ahead; each image has to have its file.

        Raises:
            SeglensError: an image without one, named with where it was looked for.
        """
        for id in ids:
            path = self._path(id)
            self._check_size(path, depth_size(path), id)
        if ids:
            self._native(ids[0])  # of the wrong kind, or empty: better now than after the first training

    def proximity(self, ids: Sequence[ImageId], size: Size, predicted: Callable[[], Tensor]) -> Tensor:
        """(N, h, w) float32 in [0, 1].

        Raises:
            SeglensError: no file, an unreadable one, another size than the image's, or nothing valid in it.
        """
        return torch.cat([resized(self._native(id), size) for id in ids])

    def describe(self) -> str:
        """Where this proximity comes from."""
        where = "the dataset's depth files" if self.params.folder is None else f"files in {self.params.folder.name}"
        unit = "scaled within each image" if self.params.kind == "inverse" else f"1 = {self.params.near:g} m or nearer"
        return f"{where} ({self.params.kind}); {unit}"

    def _native(self, id: ImageId) -> Tensor:
        """(1, H, W) proximity in the image's own pixels."""
        path = self._path(id)
        raw = read_depth(path, self.params.kind == "disparity-16")
        self._check_size(path, raw.shape, id)
        valid = ~np.isnan(raw) if self.params.kind == "metres" else np.isfinite(raw)
        if self.params.kind != "inverse":
            valid &= raw > 0
        proximity = self._proximity(filled(raw, valid)) if valid.any() else torch.zeros(1)
        if not proximity.any() or (self.params.kind == "inverse" and np.ptp(raw[valid]) == 0):
            raise SeglensError(
                f"{path}: the depth map says nothing: {int(valid.sum())} of {valid.size} pixels are valid, the first "
                f"values are {', '.join(f'{value:g}' for value in raw.flat[:3])} (kind: {self.params.kind})"
            )
        return proximity

    def _check_size(self, path: Path, found: tuple[int, ...], id: ImageId) -> None:
        size = self.context.data.item(id).size
        if tuple(found) != tuple(size):
            said = "x".join(map(str, found))
            raise SeglensError(f"{path}: the depth map is {said}, its image {size[0]}x{size[1]} (height x width)")

    def _proximity(self, values: Floats) -> Tensor:
        maps = torch.from_numpy(values)[None]
        return (
            from_inverse(maps) if self.params.kind == "inverse" else from_metres(self._metres(maps), self.params.near)
        )

    def _metres(self, values: Tensor) -> Tensor:
        if self.params.kind == "metres":
            return values / self.params.scale
        # 1 is a disparity of 0: infinitely far.
        return self.params.baseline * self.params.focal * values.shape[-1] / ((values - 1) / 256)

    def _path(self, id: ImageId) -> Path:
        folder = self.params.folder
        if folder is None:
            path = self.context.data.item(id).depth
            if path is None:
                raise SeglensError(
                    f"depth 'files': the dataset has no depth file for image '{id}'; name a folder of them, for "
                    "example depth: {name: files, folder: depth, kind: metres}"
                )
            return path
        # As text: an id with a dot in it must not lose what follows. An id never leads out of the folder.
        inside = not Path(id).is_absolute() and ".." not in Path(id).parts
        names = dict.fromkeys([encode_id(id), *([id] if inside else [])])
        tried = [folder / (name + suffix) for name in names for suffix in SUFFIXES]
        for path in tried:
            if path.is_file():
                return path
        raise SeglensError(f"{folder}: no depth map for image '{id}'; looked for {', '.join(map(str, tried))}")


def filled(values: Floats, valid: BoolArray) -> Floats:
    """(H, W) with every invalid pixel at the value of the nearest valid one (at least one is).

    Example:
        >>> filled(np.float32([[1, 0, 0, 5]]), np.array([[True, False, False, True]])).tolist()
        [[1.0, 1.0, 5.0, 5.0]]
    """
    if valid.all():
        return values
    nearest = ndimage.distance_transform_edt(~valid, return_distances=False, return_indices=True)
    taken: Floats = values[tuple(nearest)]
    return taken


def read_depth(path: Path, png_only: bool = False) -> Floats:
    """(H, W) float32, the numbers as they stand in a ``.npy`` or 16-bit PNG.

    Raises:
        SeglensError: missing, unreadable, of another kind, or not of two axes.
    """
    if path.suffix == ".npy" and not png_only:
        values = _read_npy(path)
    elif path.suffix == ".png":
        values = _read_png(path)
    else:
        allowed = "a 16-bit .png (kind: disparity-16)" if png_only else "a .npy or a 16-bit .png"
        raise SeglensError(f"{path}: a depth map of '{path.suffix}'; allowed is {allowed}")
    if values.ndim == 3 and 1 in (values.shape[0], values.shape[2]):
        values = values.reshape(values.shape[1:] if values.shape[0] == 1 else values.shape[:2])
    if values.ndim != 2 or values.dtype.kind not in "fiu":
        raise SeglensError(f"{path}: a depth map of shape {values.shape}, {values.dtype}; allowed is (H, W), numbers")
    return values.astype(np.float32)


def depth_size(path: Path) -> tuple[int, ...]:
    """(H, W) of a depth map, from its header where that can be read."""
    try:
        if path.suffix == ".npy":
            shape = np.load(path, mmap_mode="r", allow_pickle=False).shape
        else:
            with Image.open(path) as image:
                shape = image.size[::-1]
    except (OSError, SyntaxError, ValueError, EOFError, UnidentifiedImageError):
        return read_depth(path).shape  # which says what is wrong with it
    return tuple(side for side in shape if side != 1) if len(shape) == 3 else shape


def _read_npy(path: Path) -> npt.NDArray[np.generic]:
    try:
        values: npt.NDArray[np.generic] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise SeglensError(f"{path}: unreadable depth map: {error}") from None
    return values


def _read_png(path: Path) -> npt.NDArray[np.generic]:
    try:
        with Image.open(path) as image:
            if image.mode not in SIXTEEN_BIT:
                raise SeglensError(f"{path}: a PNG of mode {image.mode}; allowed is one channel of 16 bits")
            return np.array(image)
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError) as error:
        raise SeglensError(f"{path}: unreadable depth map: {error}") from None
