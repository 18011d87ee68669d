"""Reading files: every mode that occurs, and every way in which a file can be broken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from seglens.data.errors import UnreadableError
from seglens.data.files import read_image, read_mask, read_size
from seglens.types import ByteArray

PHOTO = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "ppm", "webp"])
def test_lossless_formats_read_exactly(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(PHOTO).save(path, **({"lossless": True} if suffix == "webp" else {}))
    assert np.array_equal(read_image(path), PHOTO)
    assert read_size(path) == (40, 60)


def test_grey_becomes_three_equal_channels(tmp_path: Path) -> None:
    Image.fromarray(PHOTO[..., 0]).save(tmp_path / "a.png")
    assert np.array_equal(read_image(tmp_path / "a.png"), np.repeat(PHOTO[..., :1], 3, 2))


def test_sixteen_bits_become_the_upper_eight(tmp_path: Path) -> None:
    wide = np.array([[0, 255, 256, 65535]], np.uint16)
    Image.fromarray(wide).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png")[..., 0].tolist() == [[0, 0, 1, 255]]


def test_alpha_is_dropped(tmp_path: Path) -> None:
    rgba = np.dstack([PHOTO, np.full((40, 60), 7, np.uint8)])
    Image.fromarray(rgba).save(tmp_path / "a.png")
    assert np.array_equal(read_image(tmp_path / "a.png"), PHOTO)


def test_palette_image_shows_its_colours(tmp_path: Path) -> None:
    Image.fromarray(PHOTO).quantize(16).save(tmp_path / "a.png")
    assert np.array_equal(read_image(tmp_path / "a.png"), np.asarray(Image.open(tmp_path / "a.png").convert("RGB")))


@pytest.mark.parametrize(("orientation", "undo"), [(6, 1), (8, -1), (3, 2)])
def test_exif_orientation_is_applied_to_picture_and_size(tmp_path: Path, orientation: int, undo: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    smooth = np.linspace(0, 255, 40 * 60 * 3).reshape(40, 60, 3).astype(np.uint8)
    stored = np.ascontiguousarray(np.rot90(smooth, undo))
    Image.fromarray(stored).save(tmp_path / "a.jpg", exif=exif, quality=98)
    picture = read_image(tmp_path / "a.jpg")
    assert picture.shape == (40, 60, 3)
    assert read_size(tmp_path / "a.jpg") == (40, 60)
    assert np.abs(picture.astype(int) - smooth).mean() < 6


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize(
    ("least", "found"), [((20, 30), (20, 30)), ((21, 30), (40, 60)), ((9, 14), (10, 15)), ((80, 90), (40, 60))]
)
def test_a_jpeg_is_decoded_no_larger_than_it_has_to_be(
    tmp_path: Path, orientation: int, least: tuple[int, int], found: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    smooth = np.linspace(0, 255, 40 * 60 * 3).reshape(40, 60, 3).astype(np.uint8)
    stored = np.ascontiguousarray(np.rot90(smooth, 1) if orientation == 6 else smooth)
    for mode in ("RGB", "L"):
        Image.fromarray(stored).convert(mode).save(tmp_path / "a.jpg", exif=exif, quality=98)
        whole, small = read_image(tmp_path / "a.jpg"), read_image(tmp_path / "a.jpg", least)
        assert small.shape == (*found, 3)
        resized = np.asarray(Image.fromarray(whole).resize(found[::-1], Image.Resampling.BOX))
        assert np.abs(small.astype(int) - resized).mean() < 3
    Image.fromarray(stored).save(tmp_path / "a.png")
    assert np.array_equal(read_image(tmp_path / "a.png", least), stored)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_a_truncated_image_is_refused(tmp_path: Path, suffix: str, share: float) -> None:
    path = tmp_path / f"cut.{suffix}"
    Image.fromarray(PHOTO).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UnreadableError, match="cut"):
        read_image(path)


def test_a_cut_at_any_place_gives_an_error_or_the_whole_picture(tmp_path: Path) -> None:
    for suffix in ("jpg", "png"):
        path = tmp_path / f"cut.{suffix}"
        Image.fromarray(PHOTO).save(path)
        whole, picture = path.read_bytes(), read_image(path)
        for end in range(len(whole) - 40, len(whole)):
            path.write_bytes(whole[:end])
            assert _read_or_none(path) is None or np.array_equal(_read_or_none(path), picture)  # type: ignore[arg-type]


def _read_or_none(path: Path) -> ByteArray | None:
    try:
        return read_image(path)
    except UnreadableError:
        return None


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n" + b"\0" * 50])
def test_what_is_no_image_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.png"
    path.write_bytes(content)
    for read in (read_image, read_mask, read_size):
        with pytest.raises(UnreadableError, match=r"odd\.png"):
            read(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="no such file"):
        read_image(tmp_path / "none.png")
    with pytest.raises(UnreadableError, match=str(tmp_path)):
        read_image(tmp_path)


def test_floating_point_pixels_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(UnreadableError, match="floating-point"):
        read_image(tmp_path / "a.tif")


def test_the_switch_that_lets_truncated_files_pass_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(PHOTO).save(tmp_path / "a.png")
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(UnreadableError, match="LOAD_TRUNCATED_IMAGES"):
        read_image(tmp_path / "a.png")


def test_masks_read_as_indices(tmp_path: Path) -> None:
    index = np.arange(12, dtype=np.uint8).reshape(3, 4)
    palette = Image.fromarray(index).convert("P")
    palette.putdata(index.ravel().tolist())
    palette.save(tmp_path / "p.png")
    Image.fromarray(index).save(tmp_path / "l.png")
    Image.fromarray(index.astype(np.uint16) + 300).save(tmp_path / "w.png")
    assert np.array_equal(read_mask(tmp_path / "p.png"), index)
    assert np.array_equal(read_mask(tmp_path / "l.png"), index)
    assert np.array_equal(read_mask(tmp_path / "w.png"), index.astype(int) + 300)


def test_a_colour_mask_is_refused(tmp_path: Path) -> None:
    Image.fromarray(PHOTO).save(tmp_path / "rgb.png")
    with pytest.raises(UnreadableError, match="mode RGB"):
        read_mask(tmp_path / "rgb.png")
