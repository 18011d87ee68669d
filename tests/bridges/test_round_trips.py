"""What is exported reads back exactly: by our import, and by readers that others wrote."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from seglens.bridges import FORMATS, Beside, export_masks, read_masks
from seglens.config import PartConfig
from seglens.data import open_data, open_labels
from seglens.types import IGNORE, ClassTable

# pycocotools hands numpy arrays in a way that numpy 2 frowns at
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
ANY_CLASS = sorted(set(FORMATS) - {"cityscapes"})
DATUMARO = {"cvat": "cvat", "segmentation-mask": "voc_segmentation", "coco": "coco_instances"}


@pytest.fixture
def exported(tmp_path, album, masks):
    def export(format, beside=Beside.COPY):
        export_masks(tmp_path / "out", format, album, list(masks), masks.__getitem__, beside)
        return tmp_path / "out"

    return export


def same(found, masks):
    assert set(found) == set(masks)
    for id, mask in masks.items():
        assert np.array_equal(found[id], mask), id


@pytest.mark.parametrize("format", ANY_CLASS)
@pytest.mark.parametrize("beside", Beside)
def test_our_import_reads_it_back(format, beside, exported, album, masks):
    out = exported(format, beside)
    same(dict(read_masks(out, format, album)), masks)
    assert not album.notes


@pytest.mark.parametrize("format", DATUMARO)
def test_datumaro_reads_it_back(format, exported, album, masks, datumaro, tmp_path):
    datumaro("read", DATUMARO[format], exported(format), tmp_path / "read.npz")
    with np.load(tmp_path / "read.npz") as file:
        read = {name.replace("\\", "/"): file[name] for name in file.files}
    names = read.pop("__names__").tolist()
    ours = [album.classes.names.index(name) if name in album.classes.names else IGNORE for name in names]
    assert set(album.classes.names) <= set(names)
    same({id: np.where(mask < 0, IGNORE, np.array([*ours, IGNORE])[mask]) for id, mask in read.items()}, masks)
