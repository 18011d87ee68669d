from __future__ import annotations

import threading

import numpy as np
import pytest
from arrays import CLASSES, ArrayData, smooth

from seglens.superpixels import slic
from seglens.superpixels.slic import Superpixels, superpixels
from seglens.types import SeglensError


def pool(count=5, size=(64, 96), seed=0, noise=6):
    """Smooth colours with a little noise."""
    images = {}
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        colours = smooth(rng, 3, size).numpy().transpose(1, 2, 0) * 50 + 128 + rng.normal(0, noise, (*size, 3))
        images[f"town/a b?{number}"] = colours.clip(0, 255).astype(np.uint8)
    return ArrayData(images, CLASSES)


@pytest.mark.parametrize("segments", [24, 60])
@pytest.mark.parametrize("compactness", [8.0, 30.0])
def test_the_mean_count_is_within_a_tenth(tmp_path, segments, compactness):
    data = pool()
    found = Superpixels(data, tmp_path, segments, compactness)
    found.prepare(data.ids)
    counts = []
    for id in data.ids:
        labels = found.labels(id)
        assert labels.dtype == np.int32
        assert labels.shape == (64, 96)
        assert np.array_equal(np.unique(labels), np.arange(labels.max() + 1))
        counts.append(labels.max() + 1)
    assert np.mean(counts) == pytest.approx(found.mean_count)
    assert abs(found.mean_count / segments - 1) <= 0.1


def test_the_setting_found_on_the_sample_is_corrected_on_the_pool(tmp_path, monkeypatch):
    # The sample is one smooth image, and the rest of the pool is unlike it.
    monkeypatch.setattr(slic, "SAMPLE", 1)
    data = pool(1)
    data.images |= {f"rough {n}": image for n, image in enumerate(pool(4, seed=1, noise=22).images.values())}
    found = Superpixels(data, tmp_path, 60, 8.0)
    found.prepare(data.ids)
    assert abs(found.mean_count / 60 - 1) <= 0.1
    assert len([p for p in found.folder.iterdir() if p.is_dir()]) > 1


def test_what_is_stored_is_not_computed_again(tmp_path, monkeypatch):
    data = pool(3)
    first = Superpixels(data, tmp_path, 24)
    first.prepare(data.ids)
    expected = {id: first.labels(id) for id in data.ids}
    monkeypatch.setattr(slic, "slic", lambda *a, **k: pytest.fail("computed again"))
    again = Superpixels(data, tmp_path, 24)
    again.prepare(data.ids)
    assert again.mean_count == first.mean_count
    for id in data.ids:
        assert np.array_equal(again.labels(id), expected[id])


def test_a_killed_computation_ends_in_the_same_files(tmp_path):
    data = pool(4)
    whole = Superpixels(data, tmp_path / "whole", 24)
    whole.prepare(data.ids)

    class Killed(Exception): ...

    def after_two(done, total):
        if done == 2:
            raise Killed

    part = Superpixels(data, tmp_path / "part", 24)
    with pytest.raises(Killed):
        part.prepare(data.ids, after_two)
    assert not (part.folder / "setting.json").exists()
    resumed = Superpixels(data, tmp_path / "part", 24)
    resumed.prepare(data.ids)
    files = {p.relative_to(whole.folder): p.read_bytes() for p in whole.folder.rglob("*") if p.is_file()}
    assert {p.relative_to(part.folder): p.read_bytes() for p in part.folder.rglob("*") if p.is_file()} == files
    assert not [name for name in files if "tmp" in name.name]


def test_a_missing_file_is_made_again(tmp_path):
    data = pool(2)
    found = Superpixels(data, tmp_path, 24)
    found.prepare(data.ids)
    expected = found.labels(data.ids[0])
    file = next((found.folder).rglob("*.npy"))
    assert "%2F" in file.name
    for path in found.folder.rglob("*.npy"):
        path.unlink()
    assert np.array_equal(Superpixels(data, tmp_path, 24).labels(data.ids[0]), expected)


def test_images_and_parameters_key_the_files(tmp_path):
    keys = {
        Superpixels(pool(2, seed=seed), tmp_path, segments, compactness).key
        for seed in (0, 1)
        for segments in (24, 60)
        for compactness in (10.0, 20.0)
    }
    assert len(keys) == 8
    assert Superpixels(pool(2), tmp_path, 24, 10.0).key.startswith("slic-24-c10-")


def test_progress_is_told(tmp_path):
    data, seen = pool(3), []
    Superpixels(data, tmp_path, 24).prepare(data.ids, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (3, 3)


def test_it_works_in_a_thread_and_for_a_few_images(tmp_path):
    data = pool(3)
    found = Superpixels(data, tmp_path, 24)
    worker = threading.Thread(target=found.prepare, args=(data.ids[:1],))
    worker.start()
    worker.join()
    # The setting stands for the whole pool, whatever was asked for first.
    assert found.mean_count == Superpixels(data, tmp_path / "other", 24).mean_count


def test_an_unreachable_number_is_refused(tmp_path):
    data = pool(1, size=(8, 8))
    with pytest.raises(SeglensError, match="segments is 5000, but SLIC reaches"):
        Superpixels(data, tmp_path, 5000).prepare(data.ids)


def test_damaged_files_are_named(tmp_path):
    data = pool(1)
    found = Superpixels(data, tmp_path, 21)
    found.prepare(data.ids)
    file = next(found.folder.rglob("*.npy"))
    file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(SeglensError, match=r"\.npy: unreadable"):
        found.labels(data.ids[0])
    (found.folder / "setting.json").write_text("{")
    with pytest.raises(SeglensError, match="not a setting of ours"):
        Superpixels(data, tmp_path, 21).labels(data.ids[0])


def test_an_empty_pool_is_refused(tmp_path):
    with pytest.raises(SeglensError, match="the pool is empty"):
        Superpixels(ArrayData({}), tmp_path, 24).prepare([])


def test_a_superpixel_set_is_the_same_each_time():
    image = pool(1).image("town/a b?0")
    first = superpixels(image, 30, 10.0)
    assert np.array_equal(first, superpixels(image.copy(), 30, 10.0))
    assert first.max() > 10
