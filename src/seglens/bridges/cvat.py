""" "CVAT for images 1.1": one XML file, each class of an image a mask in run-lengths.

Reference:
    CVAT's manual, "CVAT for images": a mask has rle, left, top, width and height.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from seglens.bridges.album import Album, Masks
from seglens.bridges.cvat_xml import Picture, Shape, pictures_in
from seglens.bridges.pictures import Pictures
from seglens.bridges.reading import the_file
from seglens.files import write_bytes
from seglens.functional.mask_counts import cvat, of_cvat
from seglens.functional.polygons import fill_polygon
from seglens.types import IGNORE, BoolArray, ByteArray, ClassTable, SeglensError, Size

FILE = "annotations.xml"
DRAWN = ("mask", "polygon")
CORNERS = 10_000
"""Corners of the largest polygon that is read."""


def write(out: Path, masks: Masks, album: Album, pictures: Pictures) -> None:
    """``annotations.xml`` and the pictures in ``images/``; the classes and their colours stand in its ``meta``."""
    body = StringIO()
    count = 0
    for id, mask in masks:
        name = pictures.put(out / "images", id, id)
        head = _attributes(id=count, name=name, width=mask.shape[1], height=mask.shape[0])
        body.write(f"  <image {head}>\n")
        for index in np.unique(mask[mask != IGNORE]).tolist():
            (left, top, width, height), counts = cvat(mask == index)
            shape = _attributes(label=album.classes.names[index], source="manual", occluded=0, rle=counts)
            place = _attributes(left=left, top=top, width=width, height=height, z_order=0)
            body.write(f"    <mask {shape} {place}>\n    </mask>\n")
        body.write("  </image>\n")
        count += 1
    whole = (
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n'
        f"{_meta(album.classes, count)}{body.getvalue()}</annotations>\n"
    )
    write_bytes(out / FILE, whole.encode())


def _attributes(**values: Any) -> str:
    return " ".join(f"{name}={quoteattr(str(value))}" for name, value in values.items())


def _meta(classes: ClassTable, count: int) -> str:
    labels = "".join(
        f"        <label><name>{escape(name)}</name><color>#{r:02x}{g:02x}{b:02x}</color><type>any</type>"
        "<attributes></attributes></label>\n"
        for name, (r, g, b) in zip(classes.names, classes.colors, strict=True)
    )
    return (
        f"  <meta>\n    <task>\n      <name>seglens</name>\n      <size>{count}</size>\n      <mode>annotation</mode>\n"
        f"      <labels>\n{labels}      </labels>\n    </task>\n  </meta>\n"
    )


def read(place: Path, album: Album) -> Masks:
    """Masks and polygons, painted by ``z_order`` and then in the file's order; other shapes are told and left out.

    Args:
        place: the XML file, or a folder with ``annotations.xml``.
        album: the run's images.
    """
    path = the_file(place, FILE, "*.xml")
    for picture in pictures_in(path):
        yield _painted(picture, album, f"{path}:{picture.line}")


def _painted(picture: Picture, album: Album, where: str) -> tuple[str, ByteArray]:
    id = album.find(str(picture.attributes.get("name", "")), where)
    album.check_size(
        id, (_whole(picture.attributes, "height", where), _whole(picture.attributes, "width", where)), where
    )
    mask = np.full(album.size(id), IGNORE, np.uint8)
    for shape in sorted(picture.shapes, key=lambda s: _whole({"z_order": "0", **s.attributes}, "z_order", where)):
        if shape.kind not in DRAWN:
            album.note(f"left out, neither mask nor polygon: {shape.kind}")
            continue
        here = f"{where.rpartition(':')[0]}:{shape.line}"
        region = _filled(shape, album.size(id), here)
        mask[region] = album.index(shape.attributes.get("label", ""), here)
    return id, mask


def _filled(shape: Shape, size: Size, where: str) -> BoolArray:
    given = shape.attributes
    if shape.kind == "polygon":
        return fill_polygon(_points(given.get("points", ""), where), size)
    left, top, width, height = (_whole(given, key, where) for key in ("left", "top", "width", "height"))
    try:
        return of_cvat((left, top, width, height), given.get("rle", ""), size)
    except ValueError as error:
        raise SeglensError(f"{where}: {error}") from None


def _points(text: str, where: str) -> np.ndarray:
    try:
        points = np.array([[float(value) for value in pair.split(",")] for pair in text.split(";")])
    except ValueError:
        points = np.zeros(0)
    if points.ndim != 2 or points.shape[1] != 2 or not 3 <= len(points) <= CORNERS or not (np.abs(points) < 1e6).all():
        raise SeglensError(f"{where}: points: expected 3 to {CORNERS} corners, 'x,y;x,y;...'")
    return points


def _whole(given: Mapping[str, str], key: str, where: str) -> int:
    text = given.get(key, "")
    if not text.strip().lstrip("-").isdecimal() or len(text) > 12:
        raise SeglensError(f"{where}: attribute '{key}': expected a whole number, found '{text[:40]}'")
    return int(text)
