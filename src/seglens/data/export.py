"""Write generated streets as files in Cityscapes' layout, so that tools made for Cityscapes can read them.

It lies beside the generator, not in it: the generator's sources are a part of its images' fingerprint.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from seglens.data.cityscapes import LABEL_IDS, UNLABELED, frame_path
from seglens.data.streets import Streets, StreetsParams
from seglens.files import write_bytes, write_map
from seglens.protocols import Progress
from seglens.types import IGNORE, ByteArray, ImageId, SeglensError, Size

Split: TypeAlias = Literal["train", "val"]

STREETS: dict[Split, str] = {"train": "pool", "val": "eval"}
"""The streets that become each split of Cityscapes: those that runs on ``streets`` learn from and are measured on."""

BASELINE = 0.209313
"""Distance of the two cameras, metres: that of Cityscapes' car."""

FOCAL_WIDTHS = 2262.52 / 2048
"""Focal length of Cityscapes' camera, image widths. Deviation: the streets' own cameras differ a little from scene to
scene; with one focal length for all, a disparity means the same distance in each."""


def export_streets(
    root: Path, splits: Sequence[Split], images: int, size: Size, seed: int = 0, progress: Progress | None = None
) -> list[ImageId]:
    """Write pictures, ``labelIds`` and 16-bit disparity of generated streets.

    Args:
        root: a folder that is empty or does not exist yet.
        splits: which splits to write; see ``STREETS``.
        images: images of each split.
        size: (h, w) of the images, pixels.
        seed: of the streets.
        progress: called with (images done, images in all).

    Returns:
        The ids of the images, as the dataset ``cityscapes`` knows them.

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
            name = city_name(split, id)
            _write(frame_path(root, name, "leftImg8bit"), streets.image(id))
            write_map(frame_path(root, name, "gtFine"), label_ids(labels.label(id)))
            _write(frame_path(root, name, "disparity"), disparity(streets.depth(id)))
            written.append(name)
            if progress is not None:
                progress(len(written), images * len(splits))
    return written


def city_name(split: Split, id: ImageId) -> ImageId:
    """The name of a scene of ``streets`` in Cityscapes' manner; each split is a city, as a city has one split there.

    Example:
        >>> city_name("val", "eval/0012_01")
        'val/streets-eval_000012_000001'
    """
    sequence, _, frame = id.rpartition("/")[2].partition("_")
    return f"{split}/streets-{STREETS[split]}_{int(sequence):06d}_{int(frame):06d}"


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


def _write(path: Path, pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]) -> None:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    write_bytes(path, buffer.getvalue())
