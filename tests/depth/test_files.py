from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from seglens.config import PartConfig
from seglens.data import open_data
from seglens.data.export import export_streets
from seglens.data.streets.dataset import Streets, StreetsParams
from seglens.depth.files import Files, FilesParams, filled, read_depth
from seglens.files import encode_id
from seglens.registry import depths
from seglens.types import SeglensError

ID, SIZE = "a/one.x", (45, 77)


def source(context, folder=None, **params) -> Files:
    return Files(FilesParams(folder=folder, **params), context)


def near(context, folder, unpredicted, **params) -> torch.Tensor:
    return source(context, folder, **params).proximity([ID], SIZE, unpredicted)[0]


@pytest.fixture
def metres() -> np.ndarray:
    return np.random.default_rng(3).uniform(2, 80, SIZE).astype(np.float32)


def write_png(path, values) -> None:
    Image.fromarray(values.astype(np.uint16)).save(path)


def test_metres_in_npy(context, tmp_path, metres, unpredicted):
    metres[0] = np.inf
    np.save(tmp_path / f"{encode_id(ID)}.npy", metres.astype(np.float64))
    found = near(context, tmp_path, unpredicted, kind="metres", near=6.0)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found, 6 / np.maximum(metres, 6), rtol=1e-5)
    assert (found[0] == 0).all()  # infinitely far is no hole


def test_millimetres_in_png_by_the_id_itself(context, tmp_path, metres, unpredicted):
    (tmp_path / "a").mkdir()
    write_png(tmp_path / "a" / "one.x.png", metres * 100)
    found = near(context, tmp_path, unpredicted, kind="metres", scale=100)
    np.testing.assert_allclose(found, 5 / np.maximum(metres, 5), atol=3e-3)


@pytest.mark.parametrize("factor", [1, 900])
def test_inverse_depth_is_relative(context, tmp_path, metres, unpredicted, factor):
    inverse = factor / metres
    np.save(tmp_path / f"{encode_id(ID)}.npy", inverse)
    found = near(context, tmp_path, unpredicted, kind="inverse").numpy()
    low, high = (np.percentile(inverse, p, method="nearest") for p in (1, 99))
    np.testing.assert_allclose(found, np.clip((inverse - low) / (high - low), 0, 1), atol=1e-4)


def test_disparity_as_cityscapes_writes_it(context, pool, tmp_path, unpredicted):
    """Depth = baseline * focal length / disparity, disparity = (value - 1) / 256, 0 = invalid."""
    path = pool.files[ID] = tmp_path / "disparity.png"
    focal = 2262.52 / 2048 * SIZE[1]
    values = np.full(SIZE, round(256 * 0.209313 * focal / 20) + 1)
    values[:, 40:] = 1
    values[:, :3] = 0
    write_png(path, values)
    found = source(context).proximity([ID], SIZE, unpredicted)[0]
    np.testing.assert_allclose(found[:, :40], 5 / 20, atol=2e-3)  # the hole at the left takes its neighbour's
    assert (found[:, 40:] == 0).all()  # a disparity of 0 is infinitely far


def test_streets_written_as_cityscapes_are_as_near_as_the_streets(tmp_path, context, unpredicted):
    """The writer of the exported disparity, read back, against the exact source."""
    (id,) = export_streets(tmp_path / "city", ["train"], 1, (64, 128))
    city = open_data(PartConfig(name="cityscapes", root=str(tmp_path / "city")))
    streets = Streets(StreetsParams(images=1, size=(64, 128)))
    exact = depths.build(PartConfig(name="exact"), replace(context, data=streets))
    files = depths.build(PartConfig(name="files"), replace(context, data=city))
    ours = files.proximity([id], (64, 128), unpredicted)
    assert torch.allclose(ours, exact.proximity(streets.ids, (64, 128), unpredicted), atol=5e-3)


def test_holes_take_the_nearest_valid_value():
    rng = np.random.default_rng(0)
    values, valid = rng.random((9, 11)).astype(np.float32), rng.random((9, 11)) < 0.2
    found = filled(values, valid)
    ys, xs = np.nonzero(valid)
    for y, x in np.ndindex(9, 11):
        distance = (ys - y) ** 2 + (xs - x) ** 2
        assert found[y, x] in values[ys, xs][distance == distance.min()]
    assert np.array_equal(found[valid], values[valid])


@pytest.mark.parametrize("kind", ["metres", "inverse"])
def test_what_is_not_a_number_is_filled(context, tmp_path, metres, unpredicted, kind):
    whole = metres.copy()
    whole[10, 10] = whole[10, 11]
    np.save(tmp_path / f"{encode_id(ID)}.npy", whole)
    expected = near(context, tmp_path, unpredicted, kind=kind)
    whole[10, 10] = np.nan
    np.save(tmp_path / f"{encode_id(ID)}.npy", whole)
    found = near(context, tmp_path, unpredicted, kind=kind)
    assert not found.isnan().any()
    mask = torch.ones(SIZE, dtype=torch.bool)
    mask[10, 10] = False
    assert torch.allclose(found[mask], expected[mask])
    neighbours = found[[9, 11, 10, 10], [10, 10, 9, 11]]
    assert found[10, 10] in neighbours


def test_another_size_is_refused(context, tmp_path, unpredicted):
    path = tmp_path / f"{encode_id(ID)}.npy"
    np.save(path, np.ones((44, 77)))
    with pytest.raises(SeglensError, match="depth map is 44x77, its image 45x77") as error:
        near(context, tmp_path, unpredicted, kind="metres")
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("metres", 0), ("metres", -1), ("metres", np.nan), ("metres", np.inf), ("inverse", 0), ("inverse", np.inf),
     ("inverse", 3)],
)  # fmt: skip
def test_a_map_that_says_nothing_is_refused(context, tmp_path, unpredicted, kind, value):
    np.save(tmp_path / f"{encode_id(ID)}.npy", np.full(SIZE, value, np.float32))
    with pytest.raises(SeglensError, match="depth map says nothing") as error:
        near(context, tmp_path, unpredicted, kind=kind)
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize("value", [0, 1])
def test_a_disparity_that_says_nothing_is_refused(context, tmp_path, unpredicted, value):
    write_png(tmp_path / f"{encode_id(ID)}.png", np.full(SIZE, value))
    with pytest.raises(SeglensError, match=rf"says nothing: {value * 3465} of 3465 pixels are valid"):
        near(context, tmp_path, unpredicted)


def test_an_image_without_a_map_is_named_before_the_run_starts(context, pool, tmp_path):
    with pytest.raises(SeglensError, match=r"no depth file for image 'a/one.x'; name a folder"):
        source(context).prepare(pool.ids)
    np.save(tmp_path / f"{encode_id(ID)}.npy", np.ones(SIZE))
    source(context, tmp_path, kind="metres").prepare([ID])
    with pytest.raises(SeglensError, match=r"no depth map for image 'a/two'; looked for .*a%2Ftwo\.npy.*a/two\.png"):
        source(context, tmp_path, kind="metres").prepare(pool.ids)


def test_an_id_does_not_leave_the_folder(context, pool, tmp_path):
    folder = tmp_path / "maps"
    folder.mkdir()
    np.save(tmp_path / "secret.npy", np.ones(SIZE))
    with pytest.raises(SeglensError, match="no depth map"):
        source(context, folder).prepare(["../secret"])


def test_unreadable_maps(tmp_path):
    broken = tmp_path / "x.npy"
    broken.write_bytes(b"\x93NUMPY no")
    eight = tmp_path / "eight.png"
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(eight)
    cut = tmp_path / "cut.png"
    write_png(cut, np.random.default_rng(0).integers(0, 60000, (64, 64)))
    cut.write_bytes(cut.read_bytes()[:400])
    np.save(tmp_path / "many.npy", np.ones((3, 4, 4)))
    np.save(tmp_path / "words.npy", np.array([["a"]]))
    for path, message in [
        (broken, "unreadable"),
        (eight, "mode L; allowed is one channel of 16 bits"),
        (cut, "unreadable"),
        (tmp_path / "none.png", "unreadable"),
        (tmp_path / "many.npy", r"shape \(3, 4, 4\)"),
        (tmp_path / "words.npy", "allowed is .H, W., numbers"),
        (tmp_path / "x.tif", r"'\.tif'; allowed is a \.npy or a 16-bit \.png"),
    ]:
        with pytest.raises(SeglensError, match=message) as error:
            read_depth(path)
        assert str(path) in str(error.value)
    with pytest.raises(SeglensError, match=r"allowed is a 16-bit \.png"):
        read_depth(tmp_path / "many.npy", png_only=True)


def test_a_channel_axis_of_one_is_dropped(tmp_path):
    for name, shape in [("first", (1, 4, 5)), ("last", (4, 5, 1))]:
        np.save(tmp_path / f"{name}.npy", np.arange(20.0).reshape(shape))
        assert np.array_equal(read_depth(tmp_path / f"{name}.npy"), np.arange(20.0).reshape(4, 5))


def test_maps_are_averaged_to_the_size_wanted(context, tmp_path, metres, unpredicted):
    np.save(tmp_path / f"{encode_id(ID)}.npy", metres)
    depth = source(context, tmp_path, kind="metres")
    small = depth.proximity([ID], (9, 11), unpredicted)
    assert small.shape == (1, 9, 11)
    assert small.mean() == pytest.approx(float((5 / np.maximum(metres, 5)).mean()), abs=0.01)
