"""Write generated streets as files in the layout of Cityscapes or BDD100K, so that tools made for those can read them.

It lies beside the generator, not in it: the generator's sources are a part of its images' fingerprint.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from seglens.data.bdd100k import picture_path
from seglens.data.cityscapes import LABEL_IDS, UNLABELED, frame_path
from seglens.data.streets import Streets, StreetsParams
from seglens.files import write_bytes, write_map
from seglens.protocols import LabelSource, Progress
from seglens.types import IGNORE, ByteArray, ImageId, SeglensError, Size

Split: TypeAlias = Literal["train", "val"]
Layout: TypeAlias = Literal["cityscapes", "bdd100k"]

STREETS: dict[Split, str] = {"train": "pool", "val": "eval"}
"""The streets that become each split: those that runs on ``streets`` learn from and are measured on."""

BASELINE = 0.209313
"""Distance of the two cameras, metres: that of Cityscapes' car."""

FOCAL_WIDTHS = 2262.52 / 2048
"""Focal length of Cityscapes' camera, image widths. Deviation: the streets' own cameras differ a little from scene to
scene; with one focal length for all, a disparity means the same distance in each."""


def export_streets(
    root: Path,
    splits: Sequence[Split],
    images: int,
    size: Size,
    seed: int = 0,
    progress: Progress | None = None,
    layout: Layout = "cityscapes",
) -> list[ImageId]:
    """Write generated streets: pictures, ``labelIds`` and 16-bit disparity, or BDD100K's pictures and masks.

    Args:
        root: a folder that is empty or does not exist yet.
        splits: which splits to write; see ``STREETS``.
        images: images of each split.
        size: (h, w) of the images, pixels.
        seed: of the streets.
        progress: called with (images done, images in all).
        layout: whose files and names.

    Returns:
        The ids of the images, as the dataset of the layout's name knows them.

    Raises:
        SeglensError: the folder holds something already, or no space is left.
    """
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise SeglensError(f"{root}: is not an empty folder; choose another one, nothing is written over")
    written: list[ImageId] = []
    for split in splits:
        params = StreetsParams(split=STREETS[split], images=images, size=size, seed=seed)
        streets, labels = Streets(params), Streets.labels(params)
        for id in streets.ids:
            written.append(_WRITERS[layout](root, split, streets, labels, id))
            if progress is not None:
                progress(len(written), images * len(splits))
    return written


def _as_cityscapes(root: Path, split: Split, streets: Streets, labels: LabelSource, id: ImageId) -> ImageId:
    name = city_name(split, id)
    _write(frame_path(root, name, "leftImg8bit"), streets.image(id))
    write_map(frame_path(root, name, "gtFine"), label_ids(labels.label(id)))
    _write(frame_path(root, name, "disparity"), disparity(streets.depth(id)))
    return name


def _as_bdd100k(root: Path, split: Split, streets: Streets, labels: LabelSource, id: ImageId) -> ImageId:
    name = video_name(split, id)
    # BDD100K's pictures are JPEGs: as little as possible is lost
    _write(picture_path(root, name, "images"), streets.image(id), "JPEG", quality=100, subsampling=0)
    write_map(picture_path(root, name, "masks"), labels.label(id))
    return name


_WRITERS: dict[Layout, Callable[[Path, Split, Streets, LabelSource, ImageId], ImageId]] = {
    "cityscapes": _as_cityscapes,
    "bdd100k": _as_bdd100k,
}


def city_name(split: Split, id: ImageId) -> ImageId:
    """The name of a scene of ``streets`` in Cityscapes' manner; each split is a city, as a city has one split there.

    Example:
        >>> city_name("val", "eval/0012_01")
        'val/streets-eval_000012_000001'
    """
    sequence, _, frame = id.rpartition("/")[2].partition("_")
    return f"{split}/streets-{STREETS[split]}_{int(sequence):06d}_{int(frame):06d}"


def video_name(split: Split, id: ImageId) -> ImageId:
    """The name of a scene of ``streets`` in BDD100K's manner, VIDEO-FRAME of eight digits each.

    Example:
        >>> video_name("val", "eval/0012_01")
        'val/e0000012-00000001'
    """
    sequence, _, frame = id.rpartition("/")[2].partition("_")
    return f"{split}/{'e' if split == 'val' else 'a'}{int(sequence):07d}-{int(frame):08d}"


def label_ids(label: ByteArray) -> ByteArray:
    """(H, W) uint8 training classes as Cityscapes' ids; void becomes unlabeled."""
    table = np.full(IGNORE + 1, UNLABELED, np.uint8)
    table[: len(LABEL_IDS)] = LABEL_IDS
    ids: ByteArray = table[label]
    return ids


def baseline_focal(width: int) -> float:
    """Baseline times focal length of an image ``width`` pixels wide: depth (metres) times disparity (pixels)."""
    return BASELINE * FOCAL_WIDTHS * width


def disparity(depth: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """Depth as Cityscapes' 16-bit disparity, 256 * pixels + 1.

    Args:
        depth: (H, W) float32 metres, infinite in the sky.

    Returns:
        (H, W) uint16, never 0 (invalid): 1, a disparity of 0, in the sky, and at least 2 elsewhere. What is nearer than
        ``baseline_focal(W)`` / 256 metres (1.9 m at a width of 2048, 0.2 m at 256) is held at the largest value.

    Example:
        >>> disparity(np.array([[59.0, np.inf]], np.float32)).tolist()
        [[3, 1]]
    """
    exact = 1 + 256 * baseline_focal(depth.shape[1]) / depth
    return np.where(np.isinf(depth), 1, np.clip(np.rint(exact), 2, 2**16 - 1)).astype(np.uint16)


def _write(
    path: Path, pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], format: str = "PNG", **options: int
) -> None:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format, **options)
    write_bytes(path, buffer.getvalue())
