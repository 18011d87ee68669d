"""The pictures beside masks, and the folder that appears whole or not at all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from seglens.bridges import Album, Beside, export_masks
from seglens.bridges.album import check_names
from seglens.bridges.cityscapes import frame_name
from seglens.config import PartConfig
from seglens.data import open_data
from seglens.types import ClassTable, SeglensError

TURNED = 6


@pytest.fixture
def various(tmp_path):
    """A PNG, a JPEG, a turned JPEG, a WebP and a 16-bit PNG of 4 x 6 pixels."""
    root, rng = tmp_path / "various", np.random.default_rng(0)
    root.mkdir()
    image = Image.fromarray(rng.integers(0, 256, (4, 6, 3), np.uint8))
    image.save(root / "plain.png")
    image.save(root / "photo.jpeg")
    exif = Image.Exif()
    exif[0x0112] = TURNED
    image.save(root / "turned.jpg", exif=exif)
    image.save(root / "web.webp")
    Image.fromarray(rng.integers(0, 2**16, (4, 6)).astype(np.uint16)).save(root / "deep.png")
    (tmp_path / "classes.yaml").write_text("names: [a]")
    part = {"name": "folder", "images": root, "classes": tmp_path / "classes.yaml"}
    return Album(open_data(PartConfig.model_validate(part))), root


def blank(album):
    return lambda id: np.zeros(album.size(id), np.uint8)


@pytest.mark.parametrize("beside", [Beside.COPY, Beside.LINK])
def test_files_that_any_tool_reads_stay_as_they_are_and_others_become_pngs(various, tmp_path, beside):
    album, root = various
    export_masks(tmp_path / "out", "cvat", album, album.data.ids, blank(album), beside)
    images = tmp_path / "out" / "images"
    assert {path.name for path in images.iterdir()} == {
        "plain.png", "photo.jpg", "turned.png", "web.png", "deep.png",
    }  # fmt: skip
    for name, source in (("plain.png", "plain.png"), ("photo.jpg", "photo.jpeg")):
        assert (images / name).read_bytes() == (root / source).read_bytes()
        assert (images / name).is_symlink() == (beside is Beside.LINK)
    for id in album.data.ids:
        (path,) = images.glob(f"{id}.*")
        with Image.open(path) as file:
            assert np.array_equal(np.asarray(file.convert("RGB")), album.data.image(id)), id
    assert album.size("turned") == (6, 4)


def test_a_part_of_a_dataset_is_linked_as_the_whole_is(various, tmp_path):
    _, root = various
    of = {"name": "folder", "images": root, "classes": tmp_path / "classes.yaml"}
    album = Album(open_data(PartConfig.model_validate({"name": "sequences", "of": of})))
    export_masks(tmp_path / "out", "index-png", album, ["plain"], blank(album), Beside.LINK)
    assert (tmp_path / "out" / "images" / "plain.png").resolve() == root / "plain.png"


@pytest.mark.parametrize("beside", Beside)
def test_only_what_was_asked_for_is_there(various, tmp_path, beside):
    album, _ = various
    export_masks(tmp_path / "out", "index-png", album, ["plain"], blank(album), beside)
    found = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*")}
    assert found == {"classes.yaml", "masks/plain.png"} | ({"images/plain.png"} if beside is not Beside.NONE else set())


def test_a_folder_that_holds_something_is_left_alone(various, tmp_path):
    album, root = various
    before = sorted(root.iterdir())
    for out in (root, root / "plain.png"):
        with pytest.raises(SeglensError, match="is not an empty folder"):
            export_masks(out, "cvat", album, ["plain"], blank(album))
    assert sorted(root.iterdir()) == before


def test_what_fails_half_way_leaves_nothing(various, tmp_path):
    album, _ = various
    before = sorted(tmp_path.iterdir())

    def breaks(id):
        if id == "web":
            return np.zeros((3, 3), np.uint8)
        return blank(album)(id)

    with pytest.raises(SeglensError, match="the mask of 'web' is 3x3, its image 4x6"):
        export_masks(tmp_path / "out", "coco", album, album.data.ids, breaks)
    assert sorted(tmp_path.iterdir()) == before


def test_an_empty_folder_is_taken(various, tmp_path):
    album, _ = various
    (tmp_path / "out").mkdir()
    export_masks(tmp_path / "out", "coco", album, ["plain"], blank(album))
    assert (tmp_path / "out" / "annotations" / "instances_default.json").is_file()


@pytest.mark.parametrize("id", ["../a", "/a", "a/../../b", "a//b", "a\\b", "a\nb", "", "./a"])
def test_ids_that_are_no_file_names_are_refused(id):
    with pytest.raises(SeglensError, match="image"):
        check_names(ClassTable(("a",), ((0, 0, 0),)), [id])


PARTS = st.text(alphabet="ab_%.0 é", min_size=1, max_size=5).filter(lambda part: part.strip(".") != "")
IDS = st.lists(PARTS, min_size=1, max_size=3).map("/".join) | st.sampled_from(["all/a", "a", "train/all_0_1"])


@given(st.sets(IDS, min_size=2, max_size=8))
def test_no_two_images_share_a_name_in_cityscapes(ids):
    names = [frame_name(id) for id in ids]
    assert len(set(names)) == len(ids)
    for name in names:
        split, _, rest = name.partition("/")
        assert split in ("train", "val", "test")
        assert rest.count("_") == 2
        assert "/" not in rest
