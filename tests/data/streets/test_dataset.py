"""The generated streets: a function of parameters and id alone, skewed, complete, and with depth that fits."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pytest

from seglens.config import PartConfig
from seglens.data import CITYSCAPES, open_data, open_labels
from seglens.data.streets import Streets, StreetsLabels, StreetsParams
from seglens.data.streets.frame import draw
from seglens.protocols import LabelSource, SegDataset
from seglens.types import IGNORE, SeglensError

IDS = 60


@pytest.fixture(scope="module")
def labels() -> npt.NDArray[np.uint8]:
    """Sixty labels of one frame a street."""
    return np.stack([draw(3, "many", sequence, 0, (64, 128)).label for sequence in range(IDS)])


def _part(**more: object) -> PartConfig:
    return PartConfig.model_validate({"name": "streets", "images": 6, "size": (64, 128), **more})


def test_it_keeps_the_protocols() -> None:
    data: SegDataset = open_data(_part())
    source: LabelSource = open_labels(_part())
    assert isinstance(data, Streets)
    assert isinstance(source, StreetsLabels)
    assert data.classes == CITYSCAPES
    assert len(data.ids) == len(set(data.ids)) == 6
    for id in data.ids:
        picture, label = data.image(id), source.label(id)
        assert picture.shape == (64, 128, 3)
        assert picture.dtype == label.dtype == np.uint8
        assert label.shape == data.item(id).size == (64, 128)
        assert data.depth(id).dtype == np.float32
        assert source.has(id)
        assert set(np.unique(label)) <= {*range(19), IGNORE}


def test_the_images_hold_no_label_source() -> None:
    data = open_data(_part())
    assert not any(hasattr(value, "label") for value in vars(data).values())
    assert not hasattr(data, "label")


def test_an_image_depends_on_nothing_but_its_id() -> None:
    few, many = open_data(_part(images=3)), open_data(_part(images=30))
    backwards = [many.image(id) for id in reversed(many.ids[:3])][::-1]
    assert all(np.array_equal(few.image(id), other) for id, other in zip(few.ids, backwards, strict=True))
    assert np.array_equal(draw(0, "pool", 7, 1, (64, 128)).image, draw(0, "pool", 7, 1, (64, 128)).image)


def test_another_process_draws_the_same_bytes() -> None:
    code = (
        "import hashlib; from seglens.data.streets.frame import draw; f = draw(0, 'pool', 2, 1, (64, 128));"
        "print(hashlib.sha256(f.image.tobytes() + f.label.tobytes() + f.depth.tobytes()).hexdigest())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    frame = draw(0, "pool", 2, 1, (64, 128))
    here = hashlib.sha256(frame.image.tobytes() + frame.label.tobytes() + frame.depth.tobytes()).hexdigest()
    assert run.stdout.strip() == here


def test_what_is_given_away_can_be_changed_without_harm() -> None:
    data, source = open_data(_part()), open_labels(_part())
    before = data.image(data.ids[0]).copy(), source.label(data.ids[0]).copy()
    data.image(data.ids[0])[:] = 0
    source.label(data.ids[0])[:] = 0
    assert np.array_equal(data.image(data.ids[0]), before[0])
    assert np.array_equal(source.label(data.ids[0]), before[1])


@pytest.mark.parametrize("other", [{"split": "eval"}, {"seed": 1}])
def test_splits_and_seeds_show_other_streets(other: dict[str, object]) -> None:
    a, b = open_labels(_part()), open_labels(_part(**other))
    ids = open_data(_part(**other)).ids
    shares = [(a.label(x) == b.label(y)).mean() for x, y in zip(open_data(_part()).ids, ids, strict=True)]
    assert max(shares) < 0.95
    assert open_data(_part()).fingerprint() != open_data(_part(**other)).fingerprint()


def test_neighbours_show_the_same_street_a_little_later() -> None:
    data, source = open_data(_part(images=9)), open_labels(_part(images=9))
    groups = [data.item(id).group for id in data.ids]
    assert groups == ["pool/0000"] * 3 + ["pool/0001"] * 3 + ["pool/0002"] * 3
    label = [source.label(id) for id in data.ids]
    within = np.mean([(label[i] == label[i + 1]).mean() for i in (0, 1, 3, 4, 6, 7)])
    across = np.mean([(label[i] == label[j]).mean() for i, j in ((0, 3), (0, 6), (3, 6), (1, 4), (2, 8))])
    assert not np.array_equal(label[0], label[1])
    assert within > across


def test_every_class_occurs_and_the_skew_is_strong(labels: npt.NDArray[np.uint8]) -> None:
    counts = np.bincount(labels.ravel(), minlength=256)
    share = counts[:19] / counts[:19].sum()
    names = dict(zip(CITYSCAPES.names, share, strict=True))
    assert (counts[:19] > 0).all(), names
    assert sum(names[n] for n in ("road", "building", "vegetation", "sky", "car")) > 0.7
    for rare in ("motorcycle", "rider", "traffic light", "bicycle"):
        assert 0 < names[rare] < 0.01
    assert share.max() > 100 * share.min()
    assert 0.005 < counts[IGNORE] / labels.size < 0.03


def test_fifty_evaluation_images_hold_the_rare_classes() -> None:
    found: set[int] = set()
    for sequence in range(17):
        found.update(np.unique(draw(0, "eval", sequence, 1, (64, 128)).label).tolist())
    assert set(range(19)) <= found


def test_sky_above_and_road_below(labels: npt.NDArray[np.uint8]) -> None:
    rows = np.arange(64)[None, :, None] * np.ones_like(labels)
    assert rows[labels == 10].mean() < 25
    assert rows[labels == 0].mean() > 40


def test_depth_fits_the_picture() -> None:
    for sequence in range(6):
        frame = draw(1, "depth", sequence, 0, (64, 128))
        assert np.isinf(frame.depth[frame.label == 10]).all()
        assert np.isfinite(frame.depth[frame.label != 10]).all()
        assert (frame.depth > 0).all()
        road = np.where(frame.label == 0, frame.depth, np.nan)
        rows = [float(np.nanmedian(row)) for row in road[40:60] if np.isfinite(row).sum() > 20]
        assert len(rows) > 5
        assert (np.diff(rows) < 0).all(), "the road comes nearer towards the bottom"


def test_what_hides_the_road_is_nearer_than_the_road_behind_it() -> None:
    for sequence in range(6):
        frame = draw(1, "depth", sequence, 0, (64, 128))
        car = frame.label == 13
        road = np.where(frame.label == 0, frame.depth, np.nan)
        for row in range(36, 64):
            if car[row].sum() > 4 and np.isfinite(road[row]).sum() > 4:
                assert np.median(frame.depth[row][car[row]]) <= np.nanmax(road[row]) * 1.02


def test_size_and_seed_are_free() -> None:
    small, large = draw(0, "pool", 1, 0, (64, 128)), draw(0, "pool", 1, 0, (128, 256))
    agree = (small.label == large.label[::2, ::2]).mean()
    assert agree > 0.85, "the same street, whatever the resolution"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"images": 0}, "key 'images', found 0"),
        ({"image": 5}, "unknown key 'image'; did you mean 'images'"),
        ({"split": "../x"}, "key 'split'"),
        ({"size": (4, 8)}, "key 'size.0', found 4"),
    ],
)
def test_bad_parameters_are_refused(more: dict[str, object], message: str) -> None:
    with pytest.raises(SeglensError, match=message):
        open_data(_part(**more))


def test_an_unknown_image_is_refused() -> None:
    data, source = open_data(_part()), open_labels(_part())
    for read in (data.item, data.image, data.depth, source.label):  # type: ignore[attr-defined]
        with pytest.raises(SeglensError, match="image 'eval/0000_00': not in these streets of 6 images"):
            read("eval/0000_00")
    assert not source.has("pool/0099_00")


def test_it_survives_pickling() -> None:
    params = StreetsParams(images=3, size=(64, 128))
    data, source = pickle.loads(pickle.dumps((Streets(params), Streets.labels(params))))
    assert np.array_equal(data.image(data.ids[0]), Streets(params).image(data.ids[0]))
    assert np.array_equal(source.label(data.ids[0]), Streets.labels(params).label(data.ids[0]))
    assert data.fingerprint() == Streets(params).fingerprint()
