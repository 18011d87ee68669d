"""What is exported reads back exactly: by our import, and by readers that others wrote."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from pycocotools.coco import COCO

from seglens.bridges import FORMATS, Album, Beside, export_masks, read_masks
from seglens.config import PartConfig
from seglens.data import open_data, open_labels
from seglens.data.classes import CITYSCAPES
from seglens.types import IGNORE, SeglensError

# pycocotools hands numpy arrays in a way that numpy 2 frowns at
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
ANY_CLASS = sorted(set(FORMATS) - {"cityscapes"})
DATUMARO = {
    "cvat": "cvat",
    "segmentation-mask": "voc_segmentation",
    "coco": "coco_instances",
    "coco-panoptic": "coco_panoptic",
}
FIFTYONE = Path(__file__).resolve().parents[2] / ".venv-fiftyone"


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


def in_our_classes(file, album):
    """What ``datumaro_reader.py`` read, as the run's classes."""
    with np.load(file) as arrays:
        read = {name.replace("\\", "/"): arrays[name] for name in arrays.files}
    names = read.pop("__names__").tolist()
    assert set(album.classes.names) <= set(names)
    ours = [album.classes.names.index(name) if name in album.classes.names else IGNORE for name in names]
    return {id: np.array([*ours, IGNORE])[mask] for id, mask in read.items()}


@pytest.mark.parametrize("format", ANY_CLASS)
@pytest.mark.parametrize("beside", Beside)
def test_our_import_reads_it_back(format, beside, exported, album, masks):
    out = exported(format, beside)
    same(dict(read_masks(out, format, album)), masks)
    assert not album.notes


@pytest.mark.parametrize("format", ANY_CLASS)
def test_our_import_reads_it_from_an_archive(format, exported, album, masks, tmp_path):
    shutil.make_archive(str(tmp_path / "all"), "zip", exported(format))
    same(dict(read_masks(tmp_path / "all.zip", format, album)), masks)


@pytest.mark.parametrize("format", DATUMARO)
def test_datumaro_reads_it_back(format, exported, album, masks, datumaro, tmp_path):
    datumaro("read", DATUMARO[format], exported(format), tmp_path / "read.npz")
    same(in_our_classes(tmp_path / "read.npz", album), masks)


@pytest.mark.parametrize("format", DATUMARO)
def test_our_import_reads_what_datumaro_writes(format, exported, album, masks, datumaro, tmp_path):
    datumaro("convert", DATUMARO[format], exported(format), tmp_path / "again")
    found = dict(read_masks(tmp_path / "again", format, album))
    written = set(found) | {"blank"}  # datumaro leaves out images without any label
    assert written == set(masks)
    same(found, {id: masks[id] for id in found})


def test_pycocotools_reads_it_back(exported, album, masks, capsys):
    coco = COCO(exported("coco") / "annotations" / "instances_default.json")
    names = {c["id"]: c["name"] for c in coco.loadCats(coco.getCatIds())}
    assert tuple(names.values()) == album.classes.names
    found = {}
    for image in coco.loadImgs(coco.getImgIds()):
        mask = np.full((image["height"], image["width"]), IGNORE)
        for annotation in coco.loadAnns(coco.getAnnIds([image["id"]])):
            region = coco.annToMask(annotation) == 1
            assert annotation["area"] == region.sum()
            left, top, width, height = annotation["bbox"]
            assert region[top : top + height, left : left + width].sum() == region.sum()
            mask[region] = album.classes.names.index(names[annotation["category_id"]])
        found[Path(image["file_name"]).with_suffix("").as_posix()] = mask
    same(found, masks)
    capsys.readouterr()


def test_panoptic_colours_are_segment_ids(exported, album, masks):
    """By COCO's own words: id = R + 256 G + 65536 B, 0 = void; each segment stands in the JSON."""
    out = exported("coco-panoptic")
    whole = json.loads((out / "annotations" / "panoptic_default.json").read_text())
    names = {c["id"]: c["name"] for c in whole["categories"]}
    ids = {i["id"]: Path(i["file_name"]).with_suffix("").as_posix() for i in whole["images"]}
    found = {}
    for annotation in whole["annotations"]:
        with Image.open(out / "annotations" / "panoptic_default" / annotation["file_name"]) as file:
            assert file.mode == "RGB"
            red, green, blue = np.moveaxis(np.asarray(file).astype(int), 2, 0)
        segments = red + 256 * green + 65536 * blue
        mask = np.full(segments.shape, IGNORE)
        for info in annotation["segments_info"]:
            assert info["area"] == (segments == info["id"]).sum() > 0
            mask[segments == info["id"]] = album.classes.names.index(names[info["category_id"]])
        assert set(np.unique(segments)) <= {0, *(info["id"] for info in annotation["segments_info"])}
        found[ids[annotation["image_id"]]] = mask
    same(found, masks)


def test_index_pngs_are_a_folder_of_our_own(exported, album, masks):
    out = exported("index-png")
    part = {"name": "folder", "images": out / "images", "masks": out / "masks", "classes": out / "classes.yaml"}
    data, labels = (make(PartConfig.model_validate(part)) for make in (open_data, open_labels))
    assert data.classes == album.classes
    assert set(data.ids) == set(masks)
    for id, mask in masks.items():
        assert np.array_equal(labels.label(id), mask)
        assert np.array_equal(data.image(id), album.data.image(id))
        with Image.open(out / "masks" / f"{id}.png") as file:
            assert file.mode == "L"


def test_opencv_reads_index_pngs_back(exported, album, masks, datumaro, tmp_path):
    out = exported("index-png")
    datumaro("pixels", "png", out, tmp_path / "read.npz")
    with np.load(tmp_path / "read.npz") as arrays:
        read = {name.removesuffix(".png").replace("\\", "/"): arrays[name] for name in arrays.files}
    found = {name.removeprefix("masks/"): read.pop(name) for name in list(read) if name.startswith("masks/")}
    assert {values.dtype for values in found.values()} == {np.dtype(np.uint8)}
    same(found, masks)
    assert yaml.safe_load((out / "classes.yaml").read_bytes())["names"] == list(album.classes.names)
    for name, values in read.items():
        assert np.array_equal(values[..., ::-1], album.data.image(name.removeprefix("images/"))), name
    assert len(read) == len(masks) - 1, "all but the JPEG, which is copied as it is"


def test_a_palette_shows_the_classes_and_pascal_voc_reads_its_indices(exported, album, masks):
    out = exported("segmentation-mask")
    lines = (out / "labelmap.txt").read_text(encoding="utf-8").splitlines()[1:]
    colors = [tuple(map(int, line.split(":")[1].split(","))) for line in lines]
    assert len(set(colors)) == len(colors) == 1 + len(album.classes)
    assert colors[0] == (0, 0, 0)
    assert colors[1] == album.classes.colors[0]
    with Image.open(out / "SegmentationClass" / "photo.png") as file:
        assert np.array_equal(np.asarray(file), np.where(masks["photo"] == IGNORE, 0, masks["photo"] + 1))
        shown = np.asarray(file.convert("RGB"))
    assert np.array_equal(shown, np.array(colors)[np.where(masks["photo"] == IGNORE, 0, masks["photo"] + 1)])
    with Image.open(out / "SegmentationObject" / "photo.png") as file:
        assert file.getpalette()[:12] == [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0]  # as in Pascal VOC's devkit


@pytest.fixture
def city(tmp_path):
    """Images with Cityscapes' names and others, and masks of its 19 classes and of ``parking``."""
    root, rng, masks = tmp_path / "city", np.random.default_rng(2), {}
    names = [*CITYSCAPES.names, "parking"]
    for id in ("val/ulm_000001_000019", "seq/a_1", "photo"):
        size = tuple(rng.integers(20, 40, 2))
        (root / "images" / id).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8)).save(root / "images" / f"{id}.png")
        mask = rng.integers(0, len(names) + 1, size)
        masks[id] = np.where(mask == len(names), IGNORE, mask).astype(np.uint8)
    (root / "classes.yaml").write_text(yaml.safe_dump({"names": names}))
    part = {"name": "folder", "images": root / "images", "classes": root / "classes.yaml"}
    return Album(open_data(PartConfig.model_validate(part))), masks


def test_cityscapesscripts_reads_it_back(city, tmp_path):
    from cityscapesscripts.helpers.csHelpers import getCsFileInfo
    from cityscapesscripts.helpers.labels import id2label

    album, masks = city
    export_masks(tmp_path / "out", "cityscapes", album, list(masks), masks.__getitem__)
    files = sorted((tmp_path / "out" / "gtFine").rglob("*_labelIds.png"))
    assert len(files) == len(masks)
    ulm = tmp_path / "out/gtFine/val/ulm/ulm_000001_000019_gtFine_labelIds.png"
    for path in files:
        info = getCsFileInfo(str(path))
        assert (info.type, info.type2) == ("gtFine", "labelIds")
        assert info.city == path.parent.name
        picture = str(path).replace("gtFine_labelIds", "leftImg8bit").replace("gtFine", "leftImg8bit")
        with Image.open(picture) as one, Image.open(path) as other:
            assert one.size == other.size
    with Image.open(ulm) as file:
        names = np.vectorize(lambda id: id2label[id].name)(np.asarray(file))
    expected = np.array([*album.classes.names, "unlabeled"])[np.minimum(masks["val/ulm_000001_000019"], 20)]
    assert np.array_equal(names, expected)
    same(dict(read_masks(tmp_path / "out", "cityscapes", album)), masks)
    same(dict(read_masks(tmp_path / "out" / "gtFine", "cityscapes", album)), masks)


def test_cityscapesscripts_evaluates_what_was_written_by_its_own_ids(city, tmp_path):
    from cityscapesscripts.evaluation import evalPixelLevelSemanticLabeling as scripts

    from seglens.bridges.cityscapes import IDS

    album, truth = city
    rng = np.random.default_rng(3)
    said = {id: np.where(rng.random(mask.shape) < 0.3, rng.permutation(mask), mask) for id, mask in truth.items()}
    found = {}
    for name, masks in (("truth", truth), ("said", said)):
        export_masks(tmp_path / name, "cityscapes", album, list(masks), masks.__getitem__)
        found[name] = sorted((tmp_path / name / "gtFine").rglob("*_labelIds.png"))
    args = scripts.args
    args.evalInstLevelScore = False
    counts = scripts.generateMatrix(args)
    for one, other in zip(found["said"], found["truth"], strict=True):
        scripts.evaluatePair(str(one), str(other), counts, {}, {}, args)
    ids = np.array([IDS[name] for name in album.classes.names] + [0] * (256 - len(album.classes)))
    expected = np.zeros_like(counts)
    for id, mask in truth.items():
        np.add.at(expected, (ids[mask], ids[said[id]]), 1)
    assert np.array_equal(counts, expected)
    assert counts.trace() < counts.sum()


def test_every_label_id_is_that_of_cityscapesscripts():
    from cityscapesscripts.helpers.labels import labels

    from seglens.bridges.cityscapes import IDS

    assert {label.name: label.id for label in labels if label.id > 0} == IDS


def test_cityscapes_refuses_other_classes(album, masks, tmp_path):
    with pytest.raises(SeglensError, match="class 'a & b <\"c\">' has no label id there"):
        export_masks(tmp_path / "out", "cityscapes", album, list(masks), masks.__getitem__)
    assert list(tmp_path.iterdir()) == []


def test_fiftyone_reads_it_back_and_we_read_what_it_writes(exported, album, masks, tmp_path):
    if not (FIFTYONE / "ready").exists():
        pytest.skip("FiftyOne is not installed (1.2 GB): `make .venv-fiftyone/ready` installs it")
    done = subprocess.run(
        [FIFTYONE / "bin" / "python", Path(__file__).with_name("fiftyone_reader.py"), exported("fiftyone"), tmp_path],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HOME": str(tmp_path / "home"), "FIFTYONE_DO_NOT_TRACK": "true"},
    )
    assert done.returncode == 0, done.stderr
    same(in_our_classes(tmp_path / "read.npz", album), masks)
    same(dict(read_masks(tmp_path / "again", "fiftyone", album)), masks)
