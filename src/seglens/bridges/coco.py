"""COCO's object annotations: for each image, one mask a class, as compressed run-lengths.

Reference:
    Lin et al., Microsoft COCO: common objects in context, ECCV 2014; the format's page on cocodataset.org.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seglens.bridges.album import Album, Masks
from seglens.bridges.pictures import Pictures
from seglens.bridges.reading import field, read_json, the_file
from seglens.files import write_bytes
from seglens.functional.mask_counts import coco, of_coco
from seglens.functional.polygons import fill_polygon
from seglens.types import IGNORE, BoolArray, ByteArray, ClassTable, SeglensError, Size

FILE = "annotations/instances_default.json"
CORNERS = 10_000
"""Corners of the largest polygon that is read."""


def categories(classes: ClassTable) -> list[dict[str, Any]]:
    """The categories of a class table: ids from 1 on, since 0 means none."""
    pairs = zip(classes.names, classes.colors, strict=True)
    return [{"id": i, "name": name, "supercategory": "", "color": list(c)} for i, (name, c) in enumerate(pairs, 1)]


def box(mask: BoolArray) -> list[int]:
    """Left, top, width and height of a mask that is not empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return [int(columns[0]), int(rows[0]), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1]


def image_entry(number: int, name: str, mask: ByteArray) -> dict[str, Any]:
    """An entry of ``images``."""
    return {"id": number, "file_name": name, "width": mask.shape[1], "height": mask.shape[0]}


def write(out: Path, masks: Masks, album: Album, pictures: Pictures) -> None:
    """``annotations/instances_default.json`` and the pictures in ``images/``.

    A class of an image is one annotation with ``iscrowd`` 0, as in COCO-Stuff: tools leave crowds out of training.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    (out / "images").mkdir()
    for number, (id, mask) in enumerate(masks, 1):
        images.append(image_entry(number, pictures.put(out / "images", id, id), mask))
        for index in np.unique(mask[mask != IGNORE]).tolist():
            region = mask == index
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": index + 1,
                    "segmentation": {"size": list(mask.shape), "counts": coco(region)},
                    "area": int(region.sum()),
                    "bbox": box(region),
                    "iscrowd": 0,
                }
            )
    whole = {"images": images, "categories": categories(album.classes), "annotations": annotations}
    write_bytes(out / FILE, json.dumps(whole).encode())


def read(place: Path, album: Album) -> Masks:
    """Masks as run-lengths, compressed or plain, or as polygons; where two overlap, the later one holds.

    Args:
        place: the JSON file, or a folder with ``annotations/instances_*.json``.
        album: the run's images.
    """
    path = the_file(place, "annotations/instances_*.json", "instances_*.json", "*.json")
    whole, where = read_json(path), str(path)
    images = read_images(whole, where)
    names = read_categories(whole, where)
    by_image: dict[int, list[dict[str, Any]]] = {number: [] for number in images}
    for entry in field(whole, "annotations", list, where):
        number = field(entry, "image_id", int, f"{where}: annotations")
        if number not in by_image:
            raise SeglensError(f"{where}: annotations: image_id {number} is not among the images")
        by_image[number].append(entry)
    for number, image in images.items():
        spot = f"{where}: image {number}"
        id = album.find(field(image, "file_name", str, spot), spot)
        album.check_size(id, (field(image, "height", int, spot), field(image, "width", int, spot)), spot)
        mask = np.full(album.size(id), IGNORE, np.uint8)
        for entry in by_image[number]:
            here = f"{where}: annotation {entry.get('id')}"
            index = named(field(entry, "category_id", int, here), names, album, here)
            mask[_region(entry, mask.shape, here)] = index
        yield id, mask


def read_images(whole: Mapping[str, Any], where: str) -> dict[int, dict[str, Any]]:
    """The entries of ``images`` by their id.

    Raises:
        SeglensError: damaged, or an id twice.
    """
    images: dict[int, dict[str, Any]] = {}
    for entry in field(whole, "images", list, where):
        number = field(entry, "id", int, f"{where}: images")
        if number in images:
            raise SeglensError(f"{where}: images: id {number} stands there twice")
        images[number] = entry
    return images


def read_categories(whole: Mapping[str, Any], where: str) -> dict[int, str]:
    """The names of the categories by their id."""
    spot = f"{where}: categories"
    entries = field(whole, "categories", list, where)
    return {field(entry, "id", int, spot): field(entry, "name", str, spot) for entry in entries}


def named(category: int, names: Mapping[int, str], album: Album, where: str) -> int:
    """The run's class of a category, IGNORE for one that means unlabelled.

    Raises:
        SeglensError: no such category, or no class of the run.
    """
    if category not in names:
        raise SeglensError(f"{where}: category_id {category} is not among the categories")
    return album.index(names[category], where)


def _region(entry: dict[str, Any], size: Size, where: str) -> BoolArray:
    shape = entry.get("segmentation")
    if isinstance(shape, list):
        whole = np.zeros(size, bool)
        for points in shape:
            whole |= _polygon(points, size, where)
        return whole
    counts = field(shape, "counts", object, f"{where}: segmentation")
    own = field(shape, "size", list, f"{where}: segmentation")
    if own != list(size):
        raise SeglensError(f"{where}: segmentation of size {own}, its image has {list(size)}")
    if not isinstance(counts, str) and not (isinstance(counts, list) and all(type(n) is int for n in counts)):
        raise SeglensError(f"{where}: key 'counts': expected text or a list of whole numbers")
    try:
        return of_coco(counts, size)
    except (ValueError, OverflowError) as error:
        raise SeglensError(f"{where}: {error}") from None


def _polygon(points: Any, size: Size, where: str) -> BoolArray:
    usable = isinstance(points, list) and len(points) % 2 == 0 and 6 <= len(points) <= 2 * CORNERS
    if not usable or not all(type(n) in (int, float) and abs(n) < 1e6 for n in points):
        raise SeglensError(f"{where}: segmentation: expected polygons of 3 to {CORNERS} corners, x and y by turns")
    return fill_polygon(np.array(points, np.float64).reshape(-1, 2), size)
