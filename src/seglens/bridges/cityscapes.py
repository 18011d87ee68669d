"""Cityscapes' layout: ``leftImg8bit`` and ``gtFine`` with the dataset's own label ids.

Reference:
    Cordts et al., The Cityscapes dataset for semantic urban scene understanding, CVPR 2016.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from urllib.parse import quote

from seglens.bridges.album import Album, Masks, translate
from seglens.bridges.pictures import Pictures
from seglens.data.cityscapes import LABEL_IDS, UNLABELED, frame_path
from seglens.data.classes import CITYSCAPES
from seglens.files import read_index, write_map
from seglens.types import IGNORE, ByteArray, ImageId, SeglensError

IDS = dict(zip(CITYSCAPES.names, LABEL_IDS, strict=True)) | {
    "ego vehicle": 1,
    "rectification border": 2,
    "out of roi": 3,
    "static": 4,
    "dynamic": 5,
    "ground": 6,
    "parking": 9,
    "rail track": 10,
    "guard rail": 14,
    "bridge": 15,
    "tunnel": 16,
    "polegroup": 18,
    "caravan": 29,
    "trailer": 30,
}
"""The label id of each class that Cityscapes has, those it does not train on among them."""

LARGEST_ID = 33
ENDING = "_gtFine_labelIds.png"
FRAME = re.compile(r"(train|val|test)/[^/_]+_[0-9]+_[0-9]+")
TOP = "all"
"""The city of images that lie in no folder."""


def frame_name(id: ImageId) -> str:
    """An image's name in Cityscapes' manner, SPLIT/CITY_SEQUENCE_FRAME; two ids never get the same one.

    An id of that form stays as it is. Of any other, the folder becomes the city and the rest the sequence.

    Example:
        >>> frame_name("val/ulm_000001_000019"), frame_name("0001TP/0001TP_006690"), frame_name("photo")
        ('val/ulm_000001_000019', 'train/0001TP_0001TP%5F006690_seglens', 'train/all_photo_seglens')
    """
    if FRAME.fullmatch(id):
        return id
    folder, _, name = id.rpartition("/")
    city = _plain(folder) if folder != TOP else "%61ll"
    return f"train/{city or TOP}_{_plain(name)}_seglens"


def _plain(text: str) -> str:
    return quote(text, safe=" ").replace("_", "%5F").replace(".", "%2E")


def write(out: Path, masks: Masks, album: Album, pictures: Pictures) -> None:
    """Pictures as PNG and ``labelIds``; unlabelled pixels become unlabeled.

    Raises:
        SeglensError: a class that Cityscapes does not have; nothing is written.
    """
    strange = [name for name in album.classes.names if name not in IDS]
    if strange:
        raise SeglensError(
            f"cityscapes: class '{strange[0]}' has no label id there. Allowed: {', '.join(IDS)}; "
            "the other formats take any class"
        )
    ids = [IDS[name] for name in album.classes.names]
    for id, mask in masks:
        name = frame_name(id)
        picture = frame_path(out, name, "leftImg8bit")
        pictures.put(picture.parent, picture.stem, id, only=".png")
        write_map(
            frame_path(out, name, "gtFine"), translate(mask, lambda value: UNLABELED if value == IGNORE else ids[value])
        )


def read(place: Path, album: Album) -> Masks:
    """``labelIds`` of images that are named as ``frame_name`` names them.

    Ids of classes that the run does not have are void, as they are for everybody who trains on Cityscapes.

    Args:
        place: the folder that holds ``gtFine``, or ``gtFine`` itself.
        album: the run's images.
    """
    root = place if place.name == "gtFine" else place / "gtFine"
    files = sorted(root.glob(f"*/*/*{ENDING}"))
    if not files:
        raise SeglensError(f"{root}: no mask in it; looked for SPLIT/CITY/*{ENDING}")
    known = album.find_made(frame_name)
    classes = {id: album.classes.names.index(name) for name, id in IDS.items() if name in album.classes.names}
    for path in files:
        name = f"{path.parent.parent.name}/{path.name.removesuffix(ENDING)}"
        if name not in known:
            some = ", ".join(list(known)[:3])
            raise SeglensError(f"{path}: image '{name}' is not in this run of {len(known)} images ({some}, ...)")
        yield known[name], _mask(path, known[name], classes, album)


def _mask(path: Path, id: ImageId, classes: dict[int, int], album: Album) -> ByteArray:
    return translate(read_index(path, album.size(id)), partial(_meaning, classes=classes, where=str(path)))


def _meaning(value: int, classes: dict[int, int], where: str) -> int:
    if value > LARGEST_ID and value != IGNORE:
        raise SeglensError(f"{where}: unknown label id {value}; allowed 0 to {LARGEST_ID} and {IGNORE}")
    return classes.get(value, IGNORE)
