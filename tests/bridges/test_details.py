"""What other tools write that we do not: polygons, orders, other indices, plain run-lengths, many classes."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml
from PIL import Image

from seglens.bridges import Album, Beside, export_masks, read_masks
from seglens.config import PartConfig
from seglens.data import open_data
from seglens.files import encode_id, write_map
from seglens.types import IGNORE, SeglensError

SIZE = (7, 5)
A1 = "seq/a_1"


def cvat_file(folder, shapes):
    image = f'<image id="0" name="{A1}.png" width="5" height="7">{shapes}</image>'
    (folder / "annotations.xml").write_text(f"<annotations><version>1.1</version>{image}</annotations>")
    return folder


def test_cvat_paints_by_z_order_then_by_the_file(tmp_path, album):
    square = 'points="0,0;5,0;5,4;0,4"'
    shapes = (
        f'<polygon label="road" z_order="2" {square}/>'
        '<polygon label="car" z_order="5" points="1,1;3,1;3,3;1,3"><attribute name="x">y</attribute></polygon>'
        f'<mask label="car" z_order="1" rle="0, 35" left="0" top="0" width="5" height="7"/>'
        '<polygon label="traffic light" z_order="2" points="4,0;5,0;5,4;4,4"/>'
        '<box label="car" xtl="0" ytl="0" xbr="5" ybr="7"/><points label="car" points="1,1"/>'
        '<box label="car" xtl="0" ytl="0" xbr="1" ybr="1"/>'
    )
    found = dict(read_masks(cvat_file(tmp_path, shapes), "cvat", album))
    expected = np.full(SIZE, 4)
    expected[:4] = 0
    expected[:4, 4] = 1
    expected[1:3, 1:3] = 4
    assert np.array_equal(found[A1], expected)
    assert album.notes == {
        "left out, neither mask nor polygon: box": 2,
        "left out, neither mask nor polygon: points": 1,
    }


def test_a_name_without_its_folders_is_enough_where_one_image_has_it(tmp_path, pictures):
    (tmp_path / "images").mkdir()
    for id in ("x/one", "x/two", "y/two"):
        path = tmp_path / "images" / f"{id}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(path)
    part = {"name": "folder", "images": tmp_path / "images", "classes": pictures / "classes.yaml"}
    album = Album(open_data(PartConfig.model_validate(part)))
    assert album.find("one.png", "file") == "x/one"
    for name in ("two.png", "z/one.png", "three.png"):
        with pytest.raises(SeglensError, match=f"file: image '{name}' is not in this run of 3 images"):
            album.find(name, "file")


def test_an_unlabelled_label_of_cvat_takes_a_label_away(tmp_path, album):
    shapes = (
        '<mask label="car" rle="0, 35" left="0" top="0" width="5" height="7"/>'
        '<mask label="background" rle="0, 5" left="0" top="0" width="5" height="1"/>'
    )
    found = dict(read_masks(cvat_file(tmp_path, shapes), "cvat", album))
    assert (found[A1][0] == IGNORE).all()
    assert (found[A1][1:] == 4).all()


def test_coco_paints_in_the_files_order_and_unites_the_polygons_of_one(tmp_path, album):
    def annotation(category, shape):
        return {"id": category, "image_id": 8, "category_id": category, "segmentation": shape}

    plain = {"size": list(SIZE), "counts": [0, 7, 28]}  # the first column
    two = [[0, 0, 2, 0, 2, 2, 0, 2], [3, 3, 5, 3, 5, 5, 3, 5]]
    whole = {
        "images": [{"id": 8, "file_name": f"{A1}.png", "height": 7, "width": 5}],
        "categories": [{"id": 3, "name": "car"}, {"id": 90, "name": "road"}, {"id": 91, "name": "no class of ours"}],
        "annotations": [annotation(3, two), annotation(90, plain)],
    }
    (tmp_path / "any.json").write_text(json.dumps(whole))
    expected = np.full(SIZE, IGNORE)
    expected[:2, :2] = expected[3:5, 3:5] = 4
    expected[:, 0] = 0
    assert np.array_equal(dict(read_masks(tmp_path / "any.json", "coco", album))[A1], expected)


def test_index_pngs_with_classes_of_their_own(tmp_path, album, masks):
    names = ["void", *reversed(album.classes.names)]
    (tmp_path / "classes.yaml").write_text(yaml.safe_dump({"names": names, "ignore": [77]}, allow_unicode=True))
    own = np.where(masks[A1] == IGNORE, 0, len(album.classes) - masks[A1]).astype(np.uint8)
    own[0, 0] = 77
    write_map(tmp_path / "masks" / f"{A1}.png", own)
    expected = masks[A1].copy()
    expected[0, 0] = IGNORE
    assert np.array_equal(dict(read_masks(tmp_path, "index-png", album))[A1], expected)


def test_index_pngs_as_runs_and_predict_write_them(tmp_path, album, masks):
    for id, mask in masks.items():
        write_map(tmp_path / f"{encode_id(id)}.png", mask)
    found = dict(read_masks(tmp_path, "index-png", album))
    assert set(found) == set(masks)
    assert all(np.array_equal(found[id], masks[id]) for id in masks)
    one = tmp_path / f"{encode_id(A1)}.png"
    assert list(dict(read_masks(one, "index-png", album))) == [A1]


@pytest.mark.parametrize("mode", ["P", "I;16"])
def test_index_pngs_of_other_modes(mode, tmp_path, album, masks):
    image = Image.fromarray(masks[A1].astype(np.uint16) if mode == "I;16" else masks[A1])
    if mode == "P":
        image.putpalette(list(range(255, -1, -1)) * 3)
    (tmp_path / "seq").mkdir()
    image.save(tmp_path / f"{A1}.png")
    with Image.open(tmp_path / f"{A1}.png") as file:
        assert file.mode == mode
    assert np.array_equal(dict(read_masks(tmp_path, "index-png", album))[A1], masks[A1])


def test_segmentation_masks_need_their_label_map(tmp_path, album, masks):
    export_masks(tmp_path / "out", "segmentation-mask", album, list(masks), masks.__getitem__)
    (tmp_path / "out" / "labelmap.txt").unlink()
    with pytest.raises(SeglensError, match=r"labelmap\.txt: cannot be read"):
        list(read_masks(tmp_path / "out", "segmentation-mask", album))


def made(folder, names):
    """An album of one small picture, and a mask of every class."""
    (folder / "images").mkdir()
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(folder / "images" / "a.png")
    (folder / "classes.yaml").write_text(yaml.safe_dump({"names": names}))
    part = {"name": "folder", "images": folder / "images", "classes": folder / "classes.yaml"}
    mask = np.arange(256, dtype=np.uint8).reshape(16, 16)
    return Album(open_data(PartConfig.model_validate(part))), np.where(mask < len(names), mask, IGNORE).astype(np.uint8)


@pytest.mark.parametrize("format", ["index-png", "coco", "coco-panoptic", "cvat", "segmentation-mask", "fiftyone"])
@pytest.mark.parametrize("names", [[f"c{i}" for i in range(255)], ["void", "background", "Unlabelled", "ignore"]])
def test_every_index_and_names_that_mean_nothing_elsewhere(format, names, tmp_path):
    album, mask = made(tmp_path, names)
    export_masks(tmp_path / "out", format, album, ["a"], lambda id: mask, Beside.NONE)
    assert np.array_equal(dict(read_masks(tmp_path / "out", format, album))["a"], mask)


def test_other_classes_of_cityscapes_are_void_and_other_ids_refused(tmp_path):
    album, _ = made(tmp_path, ["road", "car"])
    file = tmp_path / "gtFine" / "train" / "all" / "all_a_seglens_gtFine_labelIds.png"
    ids = np.zeros((16, 16), np.uint8)
    ids[0], ids[1], ids[2], ids[3] = 7, 26, 9, IGNORE  # road, car, parking, a licence plate
    write_map(file, ids)
    found = dict(read_masks(tmp_path, "cityscapes", album))["a"]
    assert (found[0] == 0).all()
    assert (found[1] == 1).all()
    assert (found[2:] == IGNORE).all()
    ids[5, 5] = 34
    write_map(file, ids)
    with pytest.raises(SeglensError, match="unknown label id 34; allowed 0 to 33 and 255"):
        list(read_masks(tmp_path, "cityscapes", album))


@pytest.mark.parametrize(("names", "words"), [(["a:b"], "cannot hold ':'"), (["#a"], "'#'"), (["a\tb"], "control")])
def test_class_names_that_a_file_cannot_hold(names, words, tmp_path):
    album, mask = made(tmp_path, names)
    with pytest.raises(SeglensError, match=words):
        export_masks(tmp_path / "out", "segmentation-mask", album, ["a"], lambda id: mask)
    assert not (tmp_path / "out").exists()


def test_a_run_without_classes_cannot_exchange_masks(tmp_path):
    Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(SeglensError, match="names no classes"):
        Album(open_data(PartConfig.model_validate({"name": "folder", "images": tmp_path})))
