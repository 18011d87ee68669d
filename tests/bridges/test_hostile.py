"""Damaged and hostile files: one clear error each, and the whole file is refused."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from seglens.bridges import Album, export_masks, read_masks
from seglens.config import PartConfig
from seglens.data import open_data
from seglens.types import SeglensError

A1 = "seq/a_1"


@pytest.fixture
def broken(tmp_path, album_for, masks):
    """Exports a format, changes a file of it, and tells the error of reading it."""

    def make(format, file="", change=None):
        out = tmp_path / "out"
        album = album_for(format)
        export_masks(out, format, album, list(masks), masks.__getitem__)
        if change is not None:
            path = out / file
            path.write_bytes(change(path.read_bytes()))
        with pytest.raises(SeglensError) as error:
            list(read_masks(out, format, album))
        assert "\n" not in str(error.value)
        return str(error.value)

    return make


@pytest.fixture
def album_for(pictures, album, tmp_path):
    """The run's images; for Cityscapes with classes that it has."""

    def make(format):
        if format != "cityscapes":
            return album
        file = tmp_path / "city.yaml"
        file.write_text("names: [road, sidewalk, traffic light, rider, car]\n")
        part = {"name": "folder", "images": pictures / "images", "classes": file}
        return Album(open_data(PartConfig.model_validate(part)))

    return make


def edited(change):
    """A change of a JSON file's values."""

    def apply(data):
        whole = json.loads(data)
        change(whole)
        return json.dumps(whole).encode()

    return apply


def replaced(old, new):
    def apply(data):
        assert old.encode() in data
        return data.replace(old.encode(), new.encode(), 1)

    return apply


def png(width, height, data=b""):
    """A PNG that claims a size."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def picture(pixels, format="PNG"):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format)
    return buffer.getvalue()


MASKS = {
    "index-png": f"masks/{A1}.png",
    "coco-panoptic": f"annotations/panoptic_default/{A1}.png",
    "segmentation-mask": f"SegmentationClass/{A1}.png",
    "fiftyone": f"fields/segmentation/{A1}.png",
    "cityscapes": "gtFine/train/seq/seq_a%5F1_seglens_gtFine_labelIds.png",
}
TEXTS = {
    "coco": "annotations/instances_default.json",
    "coco-panoptic": "annotations/panoptic_default.json",
    "fiftyone": "samples.json",
    "cvat": "annotations.xml",
}


@pytest.mark.parametrize("format", MASKS)
class TestMasks:
    def test_a_bomb_is_not_unpacked(self, format, broken, monkeypatch):
        opened = Image.open

        def only_others(path, *rest, **more):
            assert not str(path).endswith(f"out/{MASKS[format]}"), "it was opened"
            return opened(path, *rest, **more)

        monkeypatch.setattr(Image, "open", only_others)
        error = broken(format, MASKS[format], lambda _: png(46_341, 46_341))
        assert "the mask is 46341x46341, its image 7x5" in error

    def test_another_size(self, format, broken):
        assert "the mask is 5x7, its image 7x5" in broken(format, MASKS[format], lambda _: png(7, 5, bytes(40)))

    def test_wrong_magic(self, format, broken):
        jpeg = picture(np.zeros((7, 5, 3), np.uint8), "JPEG")
        assert "not a PNG" in broken(format, MASKS[format], lambda _: jpeg)

    def test_truncated(self, format, broken):
        assert "damaged PNG" in broken(format, MASKS[format], lambda data: data[: len(data) - 30])

    def test_pixels_that_mean_nothing(self, format, broken):
        error = broken(format, MASKS[format], lambda _: picture(np.full((7, 5), 200, np.uint8)))
        means = ("class index 200;", "segment 13158600 is not in", "colour (200, 200, 200) is not", "mask value 200;")
        means += ("label id 200;",)
        assert any(word in error for word in means)


@pytest.mark.parametrize("format", ["index-png", "fiftyone", "cityscapes"])
def test_a_mask_of_colours_is_no_index(format, broken):
    error = broken(format, MASKS[format], lambda _: picture(np.zeros((7, 5, 3), np.uint8)))
    assert "mode RGB; allowed is one channel of class indices" in error


@pytest.mark.parametrize("format", TEXTS)
@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe\x00", b"[1]", b"[" * 100_000, b"<a>", b'{"a": NaN'])
def test_damaged_texts(format, data, broken):
    words = ("not JSON", "damaged XML", "expected a JSON object", "cannot be read", "expected CVAT's", "is missing")
    error = broken(format, TEXTS[format], lambda _: data)
    assert any(word in error for word in words)


@pytest.mark.parametrize("format", TEXTS)
@pytest.mark.parametrize("name", ["../../a_1.png", "/etc/passwd", "seq\\a_1.png", "a/../../b.png"])
def test_names_that_lead_out_of_the_folder(format, name, broken):
    if format == "cvat":
        change = replaced('name="seq/a_1.png"', f'name="{name}"')
    elif format == "fiftyone":
        change = edited(lambda whole: whole["samples"][0]["segmentation"].update(mask_path=name))
    elif format == "coco-panoptic":
        change = edited(lambda whole: whole["annotations"][0].update(file_name=name))
    else:
        change = edited(lambda whole: whole["images"][0].update(file_name=name))
    assert "leads out of its folder" in broken(format, TEXTS[format], change)


@pytest.mark.parametrize(
    ("format", "file", "old", "new"),
    [
        ("coco", TEXTS["coco"], '"name": "car"', '"name": "cart"'),
        ("coco-panoptic", TEXTS["coco-panoptic"], '"name": "car"', '"name": "cart"'),
        ("cvat", TEXTS["cvat"], '<mask label="car"', '<mask label="cart"'),
        ("segmentation-mask", "labelmap.txt", "\ncar:", "\ncart:"),
        ("fiftyone", "metadata.json", '"car"', '"cart"'),
        ("index-png", "classes.yaml", ", car]", ", cart]"),
    ],
)
def test_an_unknown_class(format, file, old, new, broken):
    error = broken(format, file, replaced(old, new))
    assert "unknown class 'cart'. Allowed: road, traffic light" in error


@pytest.mark.parametrize(
    ("format", "file", "old", "new"),
    [
        ("coco", TEXTS["coco"], '"seq/a_1.png"', '"seq/a_9.png"'),
        ("coco-panoptic", TEXTS["coco-panoptic"], '"seq/a_1.png"', '"seq/a_9.png"'),
        ("cvat", TEXTS["cvat"], '"seq/a_1.png"', '"seq/a_9.png"'),
        ("fiftyone", TEXTS["fiftyone"], '"seglens_id": "seq/a_1"', '"seglens_id": "seq/a_9"'),
    ],
)
def test_an_unknown_image(format, file, old, new, broken):
    assert "is not in this run of 5 images (blank, photo, seq/a_1, ...)" in broken(format, file, replaced(old, new))


@pytest.mark.parametrize(
    ("format", "name"),
    [("index-png", "seq/a_9.png"), ("segmentation-mask", "seq/a_9.png"), ("cityscapes", "train/seq_a%5F9_seglens")],
)
def test_a_file_of_an_unknown_image(format, name, tmp_path, album_for, masks):
    album = album_for(format)
    export_masks(tmp_path / "out", format, album, list(masks), masks.__getitem__)
    path = tmp_path / "out" / MASKS[format]
    path.rename(path.with_name(path.name.replace("1", "9", 1)))
    with pytest.raises(SeglensError, match=rf"image '{name}' is not in this run of 5 images"):
        list(read_masks(tmp_path / "out", format, album))


def test_an_image_twice(broken):
    def twice(whole):
        whole["images"].append({**whole["images"][0], "id": 99})

    assert "image 'seq/a_1' is in it twice" in broken("coco", TEXTS["coco"], edited(twice))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a["segmentation"].update(counts="~~"), "damaged text"),
        (lambda a: a["segmentation"].update(counts="5"), "they cover"),
        (lambda a: a["segmentation"].update(counts=[10**30, 1]), "annotation 1"),
        (lambda a: a["segmentation"].update(counts=[1.5]), "expected text or a list of whole numbers"),
        (lambda a: a["segmentation"].update(counts={}), "expected text or a list of whole numbers"),
        (lambda a: a["segmentation"].update(size=[10**9, 10**9]), "segmentation of size"),
        (lambda a: a.update(segmentation=[[1, 2, 3]]), "expected polygons"),
        (lambda a: a.update(segmentation=[[float("inf")] * 6]), "expected polygons"),
        (lambda a: a.update(segmentation="x"), "expected a JSON object, found str"),
        (lambda a: a.update(image_id=77), "image_id 77 is not among the images"),
        (lambda a: a.update(category_id=True), "key 'category_id': expected int, found bool"),
        (lambda a: a.pop("category_id"), "key 'category_id' is missing"),
    ],
)
def test_damaged_coco_annotations(change, words, broken):
    assert words in broken("coco", TEXTS["coco"], edited(lambda whole: change(whole["annotations"][0])))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('left="0"', 'left="4000000000"', "leaves the image"),
        ('left="0"', 'left="x"', "attribute 'left': expected a whole number, found 'x'"),
        ('rle="', 'rle="1, ', "they cover"),
        ('rle="', 'rle="-3, 3, ', "run-lengths"),
        ('rle="', 'rle="9' + "9" * 30 + ", ", "run-lengths"),
        ('width="5" height="7"', 'width="7" height="5"', "the mask of 'seq/a_1' is 5x7, its image 7x5"),
        ("<annotations>", '<!DOCTYPE a [<!ENTITY x "y">]><annotations>', "declares a document type"),
        ("<meta>", '<track id="0"></track><meta>', "this is CVAT for video"),
        ("</mask>", "</mask><polygon label='car' points='1,1;2,2'></polygon>", "expected 3 to 10000 corners"),
    ],
)
def test_damaged_cvat(old, new, words, broken):
    assert words in broken("cvat", "annotations.xml", replaced(old, new))


@pytest.mark.parametrize("line", ["car", "car:1,2", "car:1,2,256::", ":1,2,3::", "van:0,0,142::"])
def test_a_damaged_label_map(line, broken):
    error = broken("segmentation-mask", "labelmap.txt", lambda data: data + line.encode())
    assert "expected NAME:R,G,B::" in error or "has the colour of 'Straße'" in error


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s["segmentation"].update(mask_path=None), "save masks to disk in FiftyOne first"),
        (lambda s: s.update(segmentation=[1]), "key 'segmentation': expected dict, found list"),
        (lambda s: s["segmentation"].update(mask_path="fields/none.png"), "no such file"),
    ],
)
def test_damaged_fiftyone(change, words, broken):
    assert words in broken("fiftyone", "samples.json", edited(lambda whole: change(whole["samples"][0])))


@pytest.mark.parametrize("name", ["../evil.xml", "/evil.xml"])
def test_an_archive_that_leads_out_of_its_folder(name, tmp_path, album):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(name, "<annotations/>")
    with pytest.raises(SeglensError, match=f"file name '{name}' leads out of its folder"):
        list(read_masks(tmp_path / "a.zip", "cvat", album))
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["a.zip"]


def test_an_archive_that_claims_too_much(tmp_path, album, monkeypatch):
    monkeypatch.setattr("seglens.bridges.unpacked.LARGEST", 1000)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("annotations.xml", " " * 2000)
    with pytest.raises(SeglensError, match="2000 bytes unpacked; at most 1000 are"):
        list(read_masks(tmp_path / "a.zip", "cvat", album))


def test_a_damaged_archive_and_errors_name_it(tmp_path, album):
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK\x03\x04" + bytes(50))
    with pytest.raises(SeglensError, match=r"a\.zip: damaged archive"):
        list(read_masks(path, "cvat", album))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("export/annotations.xml", "<annotations><image name='no.png'/></annotations>")
    with pytest.raises(SeglensError, match=r"a\.zip/export/annotations\.xml:1: image 'no\.png' is not in this run"):
        list(read_masks(path, "cvat", album))


@pytest.mark.parametrize("format", [*MASKS, "coco", "cvat"])
def test_nothing_to_read(format, tmp_path, album):
    for place in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(SeglensError, match=str(tmp_path)):
            list(read_masks(place, format, album))
    with pytest.raises(SeglensError, match="unknown format 'cvatt'; did you mean 'cvat'"):
        list(read_masks(tmp_path, "cvatt", album))
