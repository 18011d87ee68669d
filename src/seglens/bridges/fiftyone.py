"""FiftyOne's own dataset on disk (``fiftyone.types.FiftyOneDataset``), written and read without FiftyOne itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seglens.bridges.album import Album, Masks, translate
from seglens.bridges.pictures import Pictures
from seglens.bridges.reading import field, inside, read_json, the_folder
from seglens.files import read_index, write_bytes, write_map
from seglens.types import IGNORE, ByteArray, ImageId, SeglensError

VERSION = "1.0.0"
"""The version of FiftyOne whose layout this is; later ones bring it up to date as they load it."""
FIELD, OURS = "segmentation", "seglens_id"
USUAL = (FIELD, "ground_truth")
UNLABELLED = 0
"""FiftyOne's mask value for background, which it does not draw."""
CORE = "fiftyone.core"


def write(out: Path, masks: Masks, album: Album, pictures: Pictures) -> None:
    """``metadata.json``, ``samples.json``, the pictures in ``data/`` and the masks in ``fields/segmentation/``.

    A mask holds the class's index + 1, 0 where there is no label; ``seglens_id`` keeps the id of the image.
    """
    samples: list[dict[str, Any]] = []
    for id, mask in masks:
        path = f"fields/{FIELD}/{id}.png"
        write_map(out / path, np.where(mask == IGNORE, UNLABELLED, mask + 1).astype(np.uint8))
        digest = hashlib.blake2b(id.encode(), digest_size=12).hexdigest()
        samples.append(
            {
                "filepath": f"data/{pictures.put(out / 'data', id, id)}",
                "tags": [],
                "_media_type": "image",
                "_rand": int(digest[:8], 16) / 2**32,
                OURS: id,
                FIELD: {"_id": {"$oid": digest}, "_cls": "Segmentation", "tags": [], "mask_path": path},
            }
        )
    write_bytes(out / "samples.json", json.dumps({"samples": samples}).encode())
    write_bytes(out / "metadata.json", json.dumps(_metadata(album)).encode())


def _metadata(album: Album) -> dict[str, Any]:
    return {
        "name": "seglens",
        "version": VERSION,
        "media_type": "image",
        "default_mask_targets": {str(value): name for value, name in enumerate(album.classes.names, 1)},
        "sample_fields": [
            _field("id", "ObjectIdField") | {"db_field": "_id"},
            _field("filepath", "StringField"),
            _field("tags", "ListField") | {"subfield": f"{CORE}.fields.StringField"},
            _field("metadata", "EmbeddedDocumentField") | {"embedded_doc_type": f"{CORE}.metadata.ImageMetadata"},
            _field(FIELD, "EmbeddedDocumentField") | {"embedded_doc_type": f"{CORE}.labels.Segmentation"},
            _field(OURS, "StringField"),
        ],
    }


def _field(name: str, kind: str) -> dict[str, Any]:
    plain = {"name": name, "ftype": f"{CORE}.fields.{kind}", "db_field": name}
    return plain | {"subfield": None, "embedded_doc_type": None, "fields": []}


def read(place: Path, album: Album) -> Masks:
    """The masks of the field ``segmentation``, ``ground_truth``, or the only one of its kind.

    Args:
        place: the folder that holds ``metadata.json``.
        album: the run's images.
    """
    root = the_folder(place)
    whole, where = read_json(root / "metadata.json"), str(root / "samples.json")
    samples = field(read_json(root / "samples.json"), "samples", list, where)
    name = _field_of(samples, where)
    targets = _targets(whole, name, str(root / "metadata.json"))
    for number, sample in enumerate(samples, 1):
        spot = f"{where}: sample {number}"
        known = isinstance(sample, dict) and OURS in sample
        given = field(sample, OURS if known else "filepath", str, spot)
        id = album.find(given if known else given.removeprefix("data/"), spot, ending=not known)
        if sample.get(name) is not None:
            yield id, _mask(root, field(sample, name, dict, spot), targets, id, album, spot)


def _field_of(samples: list[Any], where: str) -> str:
    kinds = {
        key
        for sample in samples
        if isinstance(sample, dict)
        for key, value in sample.items()
        if isinstance(value, dict) and value.get("_cls") == "Segmentation"
    }
    usual = [name for name in USUAL if name in kinds]
    if not usual and len(kinds) != 1:
        found = f"several fields of masks: {', '.join(sorted(kinds))}" if kinds else "no field of masks"
        raise SeglensError(f"{where}: {found}; looked for {' and '.join(USUAL)}")
    return usual[0] if usual else kinds.pop()


def _targets(whole: Mapping[str, Any], name: str, where: str) -> dict[int, str]:
    """The class names of the mask values."""
    own = whole.get("mask_targets") or {}
    targets = (own.get(name) if isinstance(own, dict) else None) or whole.get("default_mask_targets") or {}
    pairs = targets.items() if isinstance(targets, dict) else []
    if not pairs or not all(key.isdecimal() and isinstance(value, str) for key, value in pairs):
        raise SeglensError(f"{where}: mask_targets of '{name}': expected the class name of each mask value")
    return {int(key): value for key, value in pairs}


def _mask(
    root: Path, label: dict[str, Any], targets: dict[int, str], id: ImageId, album: Album, where: str
) -> ByteArray:
    if label.get("mask_path") is None:
        raise SeglensError(f"{where}: its mask is not in a file; save masks to disk in FiftyOne first (mask_path)")
    path = inside(root, label["mask_path"], where)

    def meaning(value: int) -> int:
        if value in targets:
            return album.index(targets[value], str(path))
        if value not in (UNLABELLED, IGNORE):
            raise SeglensError(f"{path}: unknown mask value {value}; mask_targets has {', '.join(map(str, targets))}")
        return IGNORE

    return translate(read_index(path, album.size(id)), meaning)
