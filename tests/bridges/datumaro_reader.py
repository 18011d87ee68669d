"""Run by datumaro's own Python: reads a dataset with datumaro alone, or lets datumaro write it anew.

python datumaro_reader.py pixels png FOLDER OUT.npz       every PNG below it as it is stored, decoded by OpenCV
python datumaro_reader.py read FORMAT FOLDER OUT.npz      each item's (H, W) classes, -1 = unlabelled, and the names
python datumaro_reader.py convert FORMAT FOLDER OUT       the same format, written by datumaro
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np


def painted(item):
    """Classes by annotation; where two cover a pixel, that is an error: ours never do."""
    from datumaro import AnnotationType

    height, width = item.media.size
    found = np.full((height, width), -1, np.int64)
    for annotation in item.annotations:
        if annotation.type is AnnotationType.mask:
            mask = np.asarray(annotation.image).astype(bool)
            assert (found[mask] == -1).all(), f"{item.id}: masks overlap"
            found[mask] = annotation.label
    return found


def pixels(folder, out):
    """Each PNG by its name below the folder: (H, W), or (H, W, 3) in the order blue, green, red."""
    import cv2

    read = {path: cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in Path(folder).rglob("*.png")}
    np.savez(out, **{path.relative_to(folder).as_posix().replace("/", "\\"): read[path] for path in read})


def main(what, format, folder, out):
    if what == "pixels":
        return pixels(folder, out)
    from datumaro import AnnotationType, Dataset

    dataset = Dataset.import_from(folder, format)
    if what == "convert":
        exact = {"segmentation_mode": "mask"} if format == "coco_instances" else {}  # else it guesses polygons
        dataset.export(out, format, save_media=True, **exact)
        return
    names = [label.name for label in dataset.categories()[AnnotationType.label]]
    np.savez(out, __names__=np.array(names), **{item.id.replace("/", "\\"): painted(item) for item in dataset})


if __name__ == "__main__":
    main(*sys.argv[1:])
