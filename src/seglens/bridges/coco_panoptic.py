"""COCO's panoptic format: a PNG an image whose colours are segment ids, R + 256 G + 65536 B, and a JSON of segments.

Reference:
    Kirillov et al., Panoptic segmentation, CVPR 2019; the format's page on cocodataset.org.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from seglens.bridges.album import Album, Masks, translate
from seglens.bridges.coco import box, categories, image_entry, named, read_categories, read_images
from seglens.bridges.pictures import Pictures, png
from seglens.bridges.reading import field, inside, read_json, the_file
from seglens.files import read_color, write_bytes
from seglens.types import IGNORE, ByteArray, SeglensError

FOLDER = "annotations/panoptic_default"
VOID = 0
"""The segment id of pixels without a label."""


def write(out: Path, masks: Masks, album: Album, pictures: Pictures) -> None:
    """``annotations/panoptic_default.json``, a folder of that name with a PNG an image, the pictures in ``images/``.

    Every class is stuff, and one segment of an image; its id is its category's.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    (out / "images").mkdir()
    for number, (id, mask) in enumerate(masks, 1):
        images.append(image_entry(number, pictures.put(out / "images", id, id), mask))
        segments = np.where(mask == IGNORE, VOID, mask.astype(np.int64) + 1)
        channels = np.stack([segments % 256, segments // 256 % 256, segments // 65536], axis=2)
        write_bytes(out / FOLDER / f"{id}.png", png(channels))
        found = np.unique(segments[segments != VOID]).tolist()
        annotations.append(
            {
                "image_id": number,
                "file_name": f"{id}.png",
                "segments_info": [
                    {
                        "id": segment,
                        "category_id": segment,
                        "area": int((segments == segment).sum()),
                        "bbox": box(segments == segment),
                        "iscrowd": 0,
                    }
                    for segment in found
                ],
            }
        )
    stuff = [{**category, "isthing": 0} for category in categories(album.classes)]
    whole = {"images": images, "categories": stuff, "annotations": annotations}
    write_bytes(out / f"{FOLDER}.json", json.dumps(whole).encode())


def read(place: Path, album: Album) -> Masks:
    """The class of each segment; where several segments have one class, they become one.

    Args:
        place: the JSON file, its PNGs in a folder of its name, or a folder with ``annotations/panoptic_*.json``.
        album: the run's images.
    """
    path = the_file(place, "annotations/panoptic_*.json", "panoptic_*.json", "*.json")
    whole, where = read_json(path), str(path)
    images, names = read_images(whole, where), read_categories(whole, where)
    folder = path.with_suffix("")
    for entry in field(whole, "annotations", list, where):
        number = field(entry, "image_id", int, f"{where}: annotations")
        spot = f"{where}: annotation of image {number}"
        if number not in images:
            raise SeglensError(f"{spot}: it is not among the images")
        id = album.find(field(images[number], "file_name", str, spot), spot)
        file = inside(folder, field(entry, "file_name", str, spot), spot)
        segments = {
            field(info, "id", int, spot): named(field(info, "category_id", int, spot), names, album, spot)
            for info in field(entry, "segments_info", list, spot)
        }
        yield id, _classes(file, segments, album.size(id))


def _classes(path: Path, segments: dict[int, int], size: tuple[int, int]) -> ByteArray:
    def meaning(segment: int) -> int:
        if segment == VOID:
            return IGNORE
        if segment not in segments:
            raise SeglensError(f"{path}: segment {segment} is not in its segments_info")
        return segments[segment]

    return translate(read_color(path, size), meaning)
