"""Look at every file of a dataset once, and say what is there and what is wrong."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from seglens.config import PartConfig
from seglens.data.errors import MaskSizeError, UnknownClassError
from seglens.data.files import SUFFIXES
from seglens.data.storage import Place
from seglens.protocols import LabelSource, Progress, SegDataset
from seglens.types import IGNORE, SeglensError

_FAULTS = ("unreadable", "size_mismatches", "unknown_ids")
_SHOWN = 10

GENERATED = ("streets", "textures")
"""Datasets that are drawn: their name stands for a folder."""
LAYOUTS = ("bdd100k", "camvid", "cityscapes", "folder", "streets", "textures")
"""What ``guess`` knows."""


def check(data: SegDataset, labels: LabelSource, progress: Progress | None = None) -> dict[str, Any]:
    """Decode every image and mask.

    Args:
        data: the images.
        labels: their truth, or what there is of it.
        progress: called with (images done, images in all).

    Returns:
        Plain JSON values: ``images``, ``labelled``, ``groups`` and ``sizes`` (name to count), ``classes`` (a list of
        name, pixels, percent of the pixels with a class, images), ``void_percent`` of all labelled pixels, and the
        lists ``missing_masks``, ``unreadable``, ``size_mismatches``, ``unknown_ids``, each ``{total, names}``;
        ``ok`` is whether the last three are empty.
    """
    count = len(data.classes)
    pixels, present = np.zeros(256, np.int64), np.zeros(256, np.int64)
    groups: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    found: dict[str, list[str]] = {name: [] for name in ("missing_masks", *_FAULTS)}
    for done, id in enumerate(data.ids, start=1):
        _look(data, id, groups, sizes, found)
        counts = _count(labels, id, found)
        pixels += counts
        present += counts > 0
        if progress is not None:
            progress(done, len(data.ids))
    classified = int(pixels[:count].sum())
    return {
        "images": len(data.ids),
        "labelled": len(data.ids) - len(found["missing_masks"]),
        "groups": dict(sorted(groups.items())),
        "sizes": dict(sizes.most_common()),
        "classes": [
            {
                "name": name,
                "pixels": int(pixels[index]),
                "percent": round(100 * float(pixels[index]) / max(classified, 1), 4),
                "images": int(present[index]),
            }
            for index, name in enumerate(data.classes.names)
        ],
        "void_percent": round(100 * float(pixels[IGNORE]) / max(classified + int(pixels[IGNORE]), 1), 4),
        **{name: {"total": len(names), "names": names} for name, names in found.items()},
        "ok": not any(found[name] for name in _FAULTS),
    }


def _look(data: SegDataset, id: str, groups: Counter[str], sizes: Counter[str], found: dict[str, list[str]]) -> None:
    try:
        item = data.item(id)
        height, width = data.image(id).shape[:2]
    except SeglensError as error:
        found["unreadable"].append(str(error))
        return
    groups[item.group] += 1
    sizes[f"{height}x{width}"] += 1


def _count(labels: LabelSource, id: str, found: dict[str, list[str]]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """(256,) pixels of each class; zeros where there is no good mask, with the fault noted."""
    none = np.zeros(256, np.int64)
    if not labels.has(id):
        found["missing_masks"].append(id)
        return none
    try:
        return np.bincount(labels.label(id).ravel(), minlength=256).astype(np.int64)
    except MaskSizeError as error:
        found["size_mismatches"].append(str(error))
    except UnknownClassError as error:
        found["unknown_ids"].append(str(error))
    except SeglensError as error:
        if str(error) not in found["unreadable"]:  # a broken image is named once
            found["unreadable"].append(str(error))
    return none


def format(result: dict[str, Any]) -> str:
    """The result of ``check`` as plain text for a terminal."""
    lines = [
        f"{result['images']} images, {result['labelled']} with a mask",
        _counts("sizes (height x width)", result["sizes"]),
    ]
    lines.append(_counts(f"{len(result['groups'])} groups", result["groups"]))
    if result["classes"]:
        width = max(len(row["name"]) for row in result["classes"])
        lines.append(f"\n{'class':{width}}   percent   images        pixels")
        lines += [
            f"{row['name']:{width}}  {row['percent']:8.3f}  {row['images']:7d}  {row['pixels']:12d}"
            for row in result["classes"]
        ]
        lines.append(f"void: {result['void_percent']:.2f} % of the labelled images\n")
    titles = {
        "missing_masks": "images without a mask",
        "unreadable": "unreadable or truncated files",
        "size_mismatches": "masks of another size than their image",
        "unknown_ids": "masks with unknown class ids",
    }
    for name, title in titles.items():
        lines += _listed(title, result[name]["names"])
    lines.append("ok" if result["ok"] else "NOT ok: see the files above")
    return "\n".join(lines)


def _counts(title: str, counts: dict[str, int]) -> str:
    shown = [f"{name} ({number})" for name, number in list(counts.items())[:_SHOWN]]
    more = f" and {len(counts) - _SHOWN} more" if len(counts) > _SHOWN else ""
    return f"{title}: {', '.join(shown)}{more}"


def _listed(title: str, names: list[str]) -> list[str]:
    more = [f"  and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return [f"{title}: {len(names)}", *(f"  {name}" for name in names[:_SHOWN]), *more]


def guess(root: Place, layout: str | None = None) -> PartConfig:
    """The dataset that lies at ``root``.

    CamVid's layout has ``train`` and ``trainannot``, Cityscapes' ``leftImg8bit``, BDD100K's ``images/10k``; a folder
    has ``images`` and perhaps ``masks`` and ``classes.yaml``, or holds images itself. The words ``streets`` and
    ``textures`` mean the generators, unless a folder has that name.

    Args:
        root: a folder, its URL, or the name of a generator.
        layout: one of ``LAYOUTS`` instead of guessing.

    Raises:
        SeglensError: no such folder, nothing in it that looks like a dataset, or an unknown layout.
    """
    if layout not in (None, *LAYOUTS):
        raise SeglensError(f"layout '{layout}' is unknown. Allowed: {', '.join(LAYOUTS)}")
    if layout in GENERATED or (layout is None and str(root) in GENERATED and not root.is_dir()):
        return PartConfig(name=layout or str(root))
    if not root.is_dir():
        raise SeglensError(f"{root}: no such folder (or a word for generated scenes: {', '.join(GENERATED)})")
    if layout == "camvid" or (layout is None and (root / "train").is_dir() and (root / "trainannot").is_dir()):
        return _split("camvid", root, root)
    if layout == "cityscapes" or (layout is None and (root / "leftImg8bit").is_dir()):
        return _split("cityscapes", root, root / "leftImg8bit")
    if layout == "bdd100k" or (layout is None and (root / "images" / "10k").is_dir()):
        return _split("bdd100k", root, root / "images" / "10k")
    return _guess_folder(root)


def _split(name: str, root: Place, folder: Place) -> PartConfig:
    splits = [split for split in ("train", "val") if (folder / split).is_dir()]
    return PartConfig.model_validate({"name": name, "root": str(root), "splits": splits or ["train"]})


def _guess_folder(root: Place) -> PartConfig:
    parted = (root / "images").is_dir()
    if not parted and not any(path.suffix.lower() in SUFFIXES for path in root.rglob("*")):
        raise SeglensError(
            f"{root}: no dataset found; expected train and trainannot (camvid), leftImg8bit and gtFine (cityscapes), "
            "images/10k and labels (bdd100k), or images, with masks and classes.yaml"
        )
    values = {"name": "folder", "images": str(root / "images" if parted else root)}
    if (root / "masks").is_dir():
        values["masks"] = str(root / "masks")
    if (root / "classes.yaml").is_file():
        values["classes"] = str(root / "classes.yaml")
    return PartConfig.model_validate(values)
