"""Textures: colours tell nothing, textures do; irregular, skewed, and a function of parameters and id alone."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import gaussian_filter, uniform_filter
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.preprocessing import StandardScaler

from seglens.config import PartConfig
from seglens.data import open_data, open_labels
from seglens.data.check import check, guess
from seglens.data.textures import TEXTURES
from seglens.data.textures.frame import Frame, _layout, _points, draw, tones
from seglens.data.textures.surfaces import BAND
from seglens.protocols import LabelSource, SegDataset
from seglens.types import Chance, SeglensError

SIZE = (96, 160)
COUNT = len(TEXTURES)
Features = npt.NDArray[np.floating]


def _part(**more: object) -> PartConfig:
    return PartConfig.model_validate({"name": "textures", "images": 6, "size": (64, 96), **more})


@pytest.fixture(scope="module")
def scenes() -> list[Frame]:
    """Twenty-four frames, one a scene."""
    return [draw(3, "many", sequence, 0, SIZE) for sequence in range(24)]


def _local_colour(image: npt.NDArray[np.uint8]) -> Features:
    """(H, W, 30): the colours of the 3x3 pixels around, and the mean colour of 9x9."""
    padded = np.pad(image / 255.0, ((1, 1), (1, 1), (0, 0)), mode="edge")
    around = [padded[i : i + image.shape[0], j : j + image.shape[1]] for i in range(3) for j in range(3)]
    return np.concatenate([*around, uniform_filter(image / 255.0, (9, 9, 0))], -1)


def _energies(image: npt.NDArray[np.uint8]) -> Features:
    """(H, W, 32): log energy of bands of size, gradients and their products, within 9 and 15 pixels."""
    grey = image.mean(-1) / 255
    blurred = [gaussian_filter(grey, sigma) for sigma in (0, 0.6, 1, 1.7, 2.8, 4.5, 7)]
    squares = [(a - b) ** 2 for a, b in pairwise(blurred)]
    for layer in blurred[1:6]:
        dy, dx = np.gradient(layer)
        energy, double, crossed = (gaussian_filter(p, 4) for p in (dy**2 + dx**2, dy**2 - dx**2, 2 * dy * dx))
        squares += [energy, np.hypot(double, crossed)]  # how strong, and how much in one direction
    return np.log(1e-6 + np.stack([gaussian_filter(s, width) for s in squares for width in (3, 5)], -1))


def _balanced_accuracy(features: list[Features], scenes: list[Frame]) -> float:
    """Of a classifier that learnt from two thirds of the scenes, on the others; chance is 1 / 9."""
    rng = np.random.default_rng(0)
    parts = []
    for half in (slice(0, 16), slice(16, 24)):
        x = np.concatenate([f.reshape(-1, f.shape[-1]) for f in features[half]])
        y = np.concatenate([frame.label.ravel() for frame in scenes[half]])
        some = rng.choice(len(y), 6000, replace=False)
        parts.append((x[some], y[some]))
    (x, y), (other, truth) = parts
    scaler = StandardScaler().fit(x)
    model = LogisticRegression(max_iter=200, class_weight="balanced").fit(scaler.transform(x), y)
    return float(balanced_accuracy_score(truth, model.predict(scaler.transform(other))))


def test_colour_alone_is_near_chance_and_texture_far_above(scenes: list[Frame]) -> None:
    colour = _balanced_accuracy([_local_colour(frame.image) for frame in scenes], scenes)
    texture = _balanced_accuracy([_energies(frame.image) for frame in scenes], scenes)
    assert colour < 1 / COUNT + 0.05
    assert texture > 0.5


def test_before_the_light_every_class_has_every_brightness_equally_often() -> None:
    for sequence in range(4):
        chance = Chance(("textures", 0, "pool", sequence))
        layout = _layout(chance, SIZE[1] / SIZE[0])
        y, x = _points(1, SIZE)
        pieces = layout.pieces(y, x)
        tone = tones(layout, pieces, y, x, chance)
        label = layout.surface[pieces]
        assert np.array_equal(label, draw(0, "pool", sequence, 1, SIZE).label)
        for one in np.unique(pieces):
            values = np.sort(tone[pieces == one])
            assert np.allclose(values, (np.arange(len(values)) + 0.5) / len(values))
        for one in np.unique(label):
            assert tone[label == one].mean() == pytest.approx(0.5)


def test_classes_are_skewed_and_all_there(scenes: list[Frame]) -> None:
    labels = np.stack([frame.label for frame in scenes])
    share = dict(zip(TEXTURES.names, np.bincount(labels.ravel(), minlength=COUNT) / labels.size, strict=True))
    assert len(share) == COUNT == 9
    assert min(share.values()) > 0
    assert share["dots"] + share["scales"] < 0.15
    assert 0.01 < share["hatch"] < 0.12
    assert max(share.values()) < 0.4


def test_bands_are_thin_and_patches_are_not(scenes: list[Frame]) -> None:
    def kept(of: npt.NDArray[np.bool_]) -> float:
        return float((uniform_filter(of.astype(float), 7) > 0.999).sum() / of.sum())

    bands = np.concatenate([frame.label == BAND for frame in scenes])
    assert kept(bands) < 0.1
    assert kept(~bands) > 0.5


def test_it_keeps_the_protocols() -> None:
    data: SegDataset = open_data(_part())
    source: LabelSource = open_labels(_part())
    assert len(data.ids) == len(set(data.ids)) == 6
    for id in data.ids:
        picture, label = data.image(id), source.label(id)
        assert picture.shape == (64, 96, 3)
        assert picture.dtype == label.dtype == np.uint8
        assert label.shape == data.item(id).size == (64, 96)
        assert source.has(id)
    assert [data.item(id).group for id in data.ids] == ["pool/0000"] * 3 + ["pool/0001"] * 3
    assert not any(hasattr(value, "label") for value in (data, *vars(data).values()))
    data.image(data.ids[0])[:] = 0
    assert data.image(data.ids[0]).any()


def test_an_image_depends_on_nothing_but_its_numbers() -> None:
    few, many = open_data(_part(images=3)), open_data(_part(images=30))
    backwards = [many.image(id) for id in reversed(many.ids[:3])][::-1]
    assert all(np.array_equal(few.image(id), other) for id, other in zip(few.ids, backwards, strict=True))
    for other in ({"split": "eval"}, {"seed": 1}):
        different = open_data(_part(**other))
        assert not np.array_equal(different.image(different.ids[0]), few.image(few.ids[0]))
        assert different.fingerprint() != open_data(_part()).fingerprint()


def test_another_process_draws_the_same_bytes() -> None:
    code = (
        "import hashlib; from seglens.data.textures.frame import draw; f = draw(0, 'pool', 2, 1, (48, 80));"
        "print(hashlib.sha256(f.image.tobytes() + f.label.tobytes()).hexdigest())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    frame = draw(0, "pool", 2, 1, (48, 80))
    assert run.stdout.strip() == hashlib.sha256(frame.image.tobytes() + frame.label.tobytes()).hexdigest()


def test_neighbours_show_the_same_scene_a_little_further() -> None:
    first, second = draw(0, "pool", 1, 0, (100, 200)).label, draw(0, "pool", 1, 1, (100, 200)).label
    assert np.array_equal(first[:, 12:], second[:, :-12])
    assert not np.array_equal(first, second)


def test_size_is_free_and_scales_the_scene() -> None:
    small, large = draw(0, "pool", 1, 0, (64, 128)), draw(0, "pool", 1, 0, (128, 256))
    assert (small.label == large.label[::2, ::2]).mean() > 0.93


def test_the_check_knows_the_word() -> None:
    part = guess(Path("textures"))
    assert part.name == "textures"
    small = _part(images=2)
    found = check(open_data(small), open_labels(small))
    assert found["ok"]
    assert [row["name"] for row in found["classes"]] == list(TEXTURES.names)
    assert found["void_percent"] == 0


def test_an_unknown_image_is_refused_and_pickles_live() -> None:
    data, source = pickle.loads(pickle.dumps((open_data(_part()), open_labels(_part()))))
    assert np.array_equal(data.image(data.ids[0]), open_data(_part()).image(data.ids[0]))
    for read in (data.item, data.image, source.label):
        with pytest.raises(SeglensError, match="image 'eval/0000_00': not in these textures of 6 images"):
            read("eval/0000_00")
