"""Datasets in a bucket of a real S3 server: the same as on disk; what is slow, broken, changed or too much."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny import contents, tiny
from typer.testing import CliRunner

from seglens.bridges.pictures import Beside, Pictures
from seglens.cli import app
from seglens.config import CacheConfig, PartConfig, RunConfig, assign, resolve
from seglens.data import open_data, open_labels
from seglens.data.check import check, guess
from seglens.data.errors import UnreadableError
from seglens.data.object_cache import ObjectCache, cache
from seglens.data.storage import place
from seglens.loop import State, create, drive
from seglens.loop.machine import with_absolute_paths
from seglens.types import SeglensError
from seglens.web.beginning import settings_of

IMPATIENT = {"config_kwargs": {"read_timeout": 3, "retries": {"max_attempts": 0}}}

fsspec = pytest.importorskip("fsspec")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few streets as files: images, masks, classes.yaml."""
    root = tmp_path_factory.mktemp("pool")
    part = PartConfig.model_validate({"name": "streets", "split": "pool", "images": 6, "size": [64, 96]})
    data, labels = open_data(part), open_labels(part)
    for number, id in enumerate(data.ids):
        for folder, pixels in (("images", data.image(id)), ("masks", labels.label(id))):
            path = root / folder / ("a", "a-b")[number % 2] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    (root / "classes.yaml").write_text(f"names: [{', '.join(data.classes.names)}]\n")
    return root


def result(run: Path) -> dict[str, bytes]:
    """What a run leaves; the names of its superpixel sets go with the files' times or ETags, so they are left out."""
    return {name: re.sub(rb'"slic-[^"]*"', b"", data) for name, data in contents(run).items()}


def bucket() -> Any:
    """The server as a file system."""
    return fsspec.filesystem("s3")


@pytest.fixture
def url(root: Path, prefix: str) -> str:
    """The same files in the bucket."""
    for path in root.rglob("*"):
        if path.is_file():
            bucket().pipe_file(f"{prefix}/{path.relative_to(root).as_posix()}", path.read_bytes())
    return prefix


def folder(where: Path | str, masks: bool = True) -> dict[str, str]:
    values = {"name": "folder", "images": f"{where}/images"}
    return values | ({"masks": f"{where}/masks", "classes": f"{where}/classes.yaml"} if masks else {})


def part(where: Path | str, masks: bool = True) -> PartConfig:
    return PartConfig.model_validate(folder(where, masks))


@contextlib.contextmanager
def fault(s3_server: int, monkeypatch: pytest.MonkeyPatch, strike: Callable[[bytes], float | None]) -> Iterator[None]:
    """A line to the server that fails: ``strike(request)`` gives the seconds to wait, or None to hang up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, sink: socket.socket, asks: bool) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(65536):
                if asks and chunk.startswith(b"GET "):
                    seconds = strike(chunk.partition(b"\r\n")[0])
                    if seconds is None:
                        break
                    time.sleep(seconds)
                sink.sendall(chunk)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def line(client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", s3_server)) as behind:
            back = threading.Thread(target=pump, args=(behind, client, False))
            back.start()
            pump(client, behind, True)
            back.join()

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=line, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    settings = {"endpoint_url": f"http://127.0.0.1:{listener.getsockname()[1]}", **IMPATIENT}
    monkeypatch.setitem(fsspec.config.conf, "s3", settings)  # fsspec's own way
    try:
        yield
    finally:
        monkeypatch.delitem(fsspec.config.conf, "s3")
        listener.close()


# -- the same as on disk ------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def on_files(tmp_path_factory: pytest.TempPathFactory, root: Path) -> dict[str, bytes]:
    """What a run on the local files leaves."""
    folder = tmp_path_factory.mktemp("on-files")
    create(folder / "run", on(str(root), folder))
    assert drive(folder / "run").state is State.FINISHED
    assert not (folder / "cache" / "objects").exists()
    return result(folder / "run")


def on(where: str, cache: Path) -> RunConfig:
    return tiny(cache, data=folder(where), eval_data=folder(where), rounds=2)


def test_a_run_on_a_bucket_equals_one_on_files(tmp_path: Path, on_files: dict[str, bytes], url: str) -> None:
    create(tmp_path / "run", on(url, tmp_path))
    assert drive(tmp_path / "run").state is State.FINISHED
    assert result(tmp_path / "run") == on_files
    assert len(on_files) > 2
    kept = list((tmp_path / "cache" / "objects").iterdir())  # in the run's own cache
    assert len(kept) == 6 + 6 + 1 + 2  # images, masks, classes, and the cache's two own files


def test_ids_groups_and_order_are_those_of_the_files(root: Path, url: str) -> None:
    for name in ("images-of-others/a/9.png", "images/.hidden/9.png", "images/a/"):
        bucket().pipe_file(f"{url}/{name}", b"")
    local, remote = open_data(part(root)), open_data(part(url))
    assert remote.ids == local.ids == ("a/0", "a/2", "a/4", "a-b/1", "a-b/3", "a-b/5")
    assert [remote.item(id) for id in remote.ids] == [local.item(id) for id in local.ids]
    assert remote.classes == local.classes
    assert open_data(part(f"file://{root}")).fingerprint() == local.fingerprint()  # a local path in other words
    inside = PartConfig.model_validate({**folder(url), "images": url})  # masks below the images' folder are no images
    assert open_data(inside).ids == (*(f"images/{id}" for id in local.ids), "images-of-others/a/9")


def test_layouts_of_splits(root: Path, url: str) -> None:
    s3, top = bucket(), url.removeprefix("s3://")
    image, mask = f"{top}/images/a/0.png", f"{top}/masks/a/0.png"
    for source, copy in (
        (image, "camvid/train/s_1.png"),
        (mask, "camvid/trainannot/s_1.png"),
        (image, "city/leftImg8bit/train/ulm/ulm_000001_000002_leftImg8bit.png"),
        (mask, "city/gtFine/train/ulm/ulm_000001_000002_gtFine_labelIds.png"),
        (image, "bdd/images/10k/train/7d06-f7.jpg"),
        (mask, "bdd/labels/sem_seg/masks/train/7d06-f7.png"),
    ):
        s3.copy(source, f"{top}/{copy}")
    for name, id in (
        ("camvid", "train/s_1"),
        ("city", "train/ulm_000001_000002"),
        ("bdd", "train/7d06-f7"),
    ):
        found = guess(place(f"{url}/{name}"))
        assert open_data(found).ids == (id,)
        assert open_labels(found).has(id)
        assert open_data(found).image(id).shape == (64, 96, 3)
    told = check(open_data(guess(place(url))), open_labels(guess(place(url))))
    assert (told["images"], told["labelled"], told["ok"]) == (6, 6, True)


# -- what fails ---------------------------------------------------------------------------------------------------
def test_a_broken_object_is_named_and_the_run_goes_on_once_it_is_whole(
    tmp_path: Path, root: Path, url: str, on_files: dict[str, bytes]
) -> None:
    run = tmp_path / "run"
    name = f"{url}/images/a/2.png"
    whole = (root / "images/a/2.png").read_bytes()
    create(run, on(url, tmp_path))
    bucket().pipe_file(name, whole[:-300])
    with pytest.raises(UnreadableError, match=f"{name}: unreadable or truncated image"):
        drive(run)
    bucket().rm_file(name)
    with pytest.raises(SeglensError, match="the pool is not the one this run was made with"):
        drive(run)
    bucket().pipe_file(name, whole)
    assert drive(run).state is State.FINISHED
    assert result(run) == on_files


@pytest.mark.parametrize("seconds", [6.0, None], ids=["slow", "hung up"])
def test_what_fails_at_first_is_tried_again(
    s3_server: int, root: Path, url: str, monkeypatch: pytest.MonkeyPatch, seconds: float | None
) -> None:
    data = open_data(part(url, masks=False))
    assert data.ids
    struck = []

    def strike(request: bytes) -> float | None:
        if b"/images/a/0.png" in request and len(struck) < 2:
            struck.append(request)
            return seconds
        return 0.0

    with fault(s3_server, monkeypatch, strike):
        assert np.array_equal(data.image("a/0"), open_data(part(root, masks=False)).image("a/0"))
    assert len(struck) == 2


def test_what_fails_again_and_again_is_one_error_and_resume_goes_on(
    s3_server: int, tmp_path: Path, root: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    create(run, tiny(tmp_path, data=folder(url), eval_data=None, rounds=1))
    shutil.rmtree(tmp_path / "cache")
    with (
        fault(s3_server, monkeypatch, lambda request: None if b"/a/4.png" in request else 0.0),
        pytest.raises(UnreadableError, match=r"images/a/4\.png: storage failed 3 times, the last time with: \S"),
    ):
        drive(run)
    assert drive(run).state is State.FINISHED


def test_bad_places_are_one_error_each(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for where, said in (
        (f"{url}/none", "none/images: no such folder of images"),
        ("s3://there-is-no-such-bucket", "images: no such folder of images"),
        ("nothing://a/b", "nothing://a/b/images: Protocol not known"),
    ):
        with pytest.raises(SeglensError, match=said):
            create(tmp_path / "run", tiny(tmp_path, data=folder(where, masks=False)))
    monkeypatch.setitem(fsspec.config.conf, "s3", {"key": "a stranger", "secret": "x"})
    with pytest.raises(UnreadableError, match=f"{url}/images: no access"):
        open_data(part(url, masks=False))
    assert not (tmp_path / "run").exists()


# -- what is kept -------------------------------------------------------------------------------------------------
def test_what_changed_in_the_bucket_is_read_anew(root: Path, url: str) -> None:
    before = open_data(part(url, masks=False))
    old = before.image("a/0")
    bucket().pipe_file(f"{url}/images/a/0.png", (root / "images/a/2.png").read_bytes())
    assert np.array_equal(before.image("a/0"), old)  # what was listed stays what it was
    after = open_data(part(url, masks=False))
    assert np.array_equal(after.image("a/0"), after.image("a/2"))
    assert after.fingerprint() != before.fingerprint()


def test_what_changes_between_listing_and_reading_is_not_kept(root: Path, url: str) -> None:
    data = open_data(part(url, masks=False))
    assert data.ids
    original, other = ((root / f"images/a/{name}.png").read_bytes() for name in ("0", "2"))
    bucket().pipe_file(f"{url}/images/a/0.png", other)
    data.image("a/0")
    bucket().pipe_file(f"{url}/images/a/0.png", original)
    again = open_data(part(url, masks=False))
    assert np.array_equal(again.image("a/0"), open_data(part(root, masks=False)).image("a/0"))


def test_a_kept_object_needs_no_server(url: str, s3_server: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = open_data(part(url, masks=False))
    seen = {id: data.image(id) for id in data.ids}
    with fault(s3_server, monkeypatch, lambda _request: None):
        assert all(np.array_equal(data.image(id), seen[id]) for id in data.ids)


def test_the_limit_is_kept_and_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    kept = ObjectCache(tmp_path, 1000)
    for name in "abc":
        kept.put(name, name.encode() * 300)
        time.sleep(0.01)
    assert kept.get("a") == b"a" * 300  # used: now b is the oldest
    kept.put("d", b"d" * 300)
    assert [kept.get(name) is not None for name in "abcd"] == [True, False, True, True]
    kept.put("e", b"e" * 1001)  # more than all room: not kept, and nothing goes for it
    assert [kept.get(name) is not None for name in "abcde"] == [True, False, True, True, False]
    (tmp_path / "bytes").unlink()  # lost: counted anew
    kept.put("f", b"f" * 300)
    assert sum(path.stat().st_size for path in tmp_path.iterdir() if len(path.name) == 1) <= 1000


def test_many_may_use_one_cache(tmp_path: Path) -> None:
    kept = ObjectCache(tmp_path, 1000)

    def use(seed: int) -> int:
        hits = 0
        for number in np.random.default_rng(seed).integers(0, 20, 60):
            found = kept.get(f"n{number}")
            assert found in (None, bytes([number]) * 90)
            hits += found is not None
            kept.put(f"n{number}", bytes([number]) * 90)
        return hits

    with ThreadPoolExecutor(6) as pool:  # each put opens the lock anew, as another process would
        assert sum(pool.map(use, range(6))) > 0
    files = [path for path in tmp_path.iterdir() if path.name not in ("bytes", "lock")]
    assert 0 < sum(path.stat().st_size for path in files) <= 1000
    assert not [path for path in files if path.name.startswith(".")]


def test_a_kept_file_that_was_damaged_is_read_anew(root: Path, url: str) -> None:
    data = open_data(part(url, masks=False))
    whole = data.image("a/0")
    (kept,) = (path for path in cache().folder.iterdir() if path.name not in ("bytes", "lock"))
    kept.write_bytes(kept.read_bytes()[:-1] + b"?")
    assert np.array_equal(data.image("a/0"), whole)


def test_a_pool_larger_than_the_cache_is_read_all_the_same(url: str, tmp_path: Path, root: Path) -> None:
    largest = max(path.stat().st_size for path in (root / "images").rglob("*.png"))
    data = open_data(part(url, masks=False), CacheConfig(dir=tmp_path, objects_gib=2.5 * largest / 2**30))
    local = open_data(part(root, masks=False))
    for _ in range(2):
        assert all(np.array_equal(data.image(id), local.image(id)) for id in data.ids)
    taken = sum(p.stat().st_size for p in cache().folder.iterdir() if p.name not in ("bytes", "lock"))
    assert 0 < taken <= cache().max_bytes


def test_commands_take_a_url(url: str, tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["data", "check", url])
    assert told.exit_code == 0, told.output
    with settings_of(place(f"{url}/images"), "road,other", tmp_path / "run") as made:
        config = resolve(assign({}, made), {}, "annotate")
        assert len(open_data(config.data).ids) == 6
    assert open_data(with_absolute_paths(config).data).classes.names == ("road", "other")
    (copied,) = {Pictures(open_data(part(url)), Beside.LINK).put(tmp_path, "x", "a/0")}
    assert not (tmp_path / copied).is_symlink()  # there is no file to link to
