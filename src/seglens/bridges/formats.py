"""The table of formats: a new one is a file with ``write`` and ``read``, and a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from seglens.bridges import cityscapes, coco, coco_panoptic, cvat, fiftyone, index_png, segmentation_mask
from seglens.bridges.album import Album, Masks
from seglens.bridges.pictures import Pictures
from seglens.types import SeglensError


@dataclass(frozen=True)
class Format:
    """How masks are written to a folder and read from one.

    Args:
        what: the format in a few words.
        write: called with the folder, the masks, the run's album and what writes pictures.
        read: called with a file or folder and the run's album; gives the masks one by one.
    """

    what: str
    write: Callable[[Path, Masks, Album, Pictures], None]
    read: Callable[[Path, Album], Masks]


FORMATS: dict[str, Format] = {
    "index-png": Format("one-channel PNGs of class indices, and classes.yaml", index_png.write, index_png.read),
    "cityscapes": Format("leftImg8bit and gtFine with labelIds", cityscapes.write, cityscapes.read),
    "coco": Format("COCO instances, run-lengths", coco.write, coco.read),
    "coco-panoptic": Format("COCO panoptic, PNGs of segment ids", coco_panoptic.write, coco_panoptic.read),
    "cvat": Format("CVAT for images 1.1", cvat.write, cvat.read),
    "segmentation-mask": Format(
        "Segmentation mask 1.1: Pascal VOC's coloured PNGs", segmentation_mask.write, segmentation_mask.read
    ),
    "fiftyone": Format("FiftyOne's dataset on disk", fiftyone.write, fiftyone.read),
}


def format_named(name: str) -> Format:
    """The format of a name.

    Raises:
        SeglensError: there is none.
    """
    if name not in FORMATS:
        near = get_close_matches(name, FORMATS, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else "."
        raise SeglensError(f"unknown format '{name}'{hint} Allowed: {', '.join(FORMATS)}")
    return FORMATS[name]
