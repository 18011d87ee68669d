"""Scoring on Ray: the rows of the local engine, whoever dies on the way."""

from __future__ import annotations

import importlib.util
import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import contents, start, tiny

from seglens.config import PartConfig
from seglens.engines import RayEngine, session
from seglens.loop import State, create, drive
from seglens.loop.machine import silent
from seglens.loop.preparing import prepare
from seglens.loop.scoring import ScoreChunks, WriteChunks, score_pool
from seglens.loop.workbench import Workbench
from seglens.models import FeatureCache
from seglens.registry import engines
from seglens.superpixels import slic
from seglens.types import Chunk, SeglensError

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed (extra 'ray')")
SMALL = {"rounds": 1, "chunk": 1}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one round on the local engine, with round 1 scored by its model."""
    run = tmp_path_factory.mktemp("local") / "run"
    start(run, tiny(run.parent, **SMALL))
    score(run, "local", run)
    return run


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a cluster with two cores."""
    with session.connected(session.RayParams(workers=2)) as ray:
        yield ray.get_runtime_context().gcs_address


def two(address: str | None) -> dict[str, Any]:
    return {"name": "ray", "workers": 2, "address": address}


def score(
    local: Path, engine: Any, run: Path, report: Callable[[int, int], None] = lambda _done, _total: None
) -> dict[str, bytes]:
    """Round 1 of ``local``'s model, scored into ``run``; the rows' files."""
    if run != local:
        (run / "rounds").mkdir(parents=True)
        (run / "rounds" / "000").symlink_to(local / "rounds" / "000")
    bench = Workbench(tiny(local.parent, **SMALL, engine=engine), run)
    score_pool(ScoreChunks(bench, 1, {}), bench.chunks(bench.pool), report)
    return rows(run)


def rows(run: Path) -> dict[str, bytes]:
    """Every chunk's rows; a killed worker may leave the file behind that it was writing, under a hidden name."""
    return {path.name: path.read_bytes() for path in sorted((run / "rounds" / "001" / "rows").glob("[!.]*"))}


def below(pid: int, name: str) -> list[int]:
    """Processes that ``pid`` started, and those below them, that have ``name`` in their command."""
    found = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError):  # it has ended since
            for child in map(int, file.read_text().split()):
                command = Path(f"/proc/{child}/cmdline").read_text()
                found += [child] * (name in command) + below(child, name)
    return found


@needs_ray
def test_rows_are_those_of_the_local_engine_to_the_bit(local: Path, cluster: str, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    found = score(local, two(cluster), tmp_path / "run", lambda done, total: told.append((done, total)))
    assert len(found) == 6
    assert found == rows(local)
    assert told == [(done, 6) for done in range(7)]


@needs_ray
def test_workers_share_what_is_prepared(cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All but what is of the pool as a whole; what they make is what is made here, and is not made again."""
    alone, shared = (tmp_path / name for name in ("alone", "shared"))
    monkeypatch.setattr(slic, "COUNTED", 2)
    prepare(Workbench(tiny(alone, **SMALL, eval_data=None), alone / "run"), silent)
    bench = Workbench(tiny(shared, **SMALL, eval_data=None, engine=two(cluster)), shared / "run")
    monkeypatch.setattr(FeatureCache, "_encode", lambda *_: pytest.fail("encoded in the driving process"))
    told: list[tuple[str, int, int]] = []
    prepare(bench, lambda what, done, total: told.append((what, done, total)))
    assert [(done, total) for what, done, total in told if what == "preparing the images"] == [(6, 6)]
    caches = [
        {str(path.relative_to(folder)): path.read_bytes() for path in (folder / "cache").rglob("*.np[yz]")}
        for folder in (alone, shared)
    ]
    assert len(caches[0]) == 2 + 6  # two views of one group's features, superpixels of each image
    assert caches[0] == caches[1]
    monkeypatch.setattr(bench.engine, "run", lambda *_: pytest.fail("shared again"))
    prepare(bench, silent)


@needs_ray
def test_a_killed_worker_loses_nothing_and_missing_chunks_resume(local: Path, cluster: str, tmp_path: Path) -> None:
    told: list[int] = []
    killed: list[int] = []

    def kill(done: int, _total: int) -> None:
        told.append(done)
        if done == 1:
            killed.extend(below(os.getpid(), "ray::Worker")[:1])
            os.kill(killed[0], signal.SIGKILL)

    found = score(local, two(cluster), tmp_path / "run", kill)
    assert len(killed) == 1
    assert told == list(range(7))
    assert found == rows(local)
    assert not list((tmp_path / "run").rglob("*.tmp"))


def deadly(folder: Path) -> Callable[[], Callable[[Chunk], int]]:
    """Work whose chunk 2 kills its worker each time, and chunk 3 the first time."""

    def make() -> Callable[[Chunk], int]:
        def work(chunk: Chunk) -> int:
            with open(folder / str(chunk.id), "a") as file:
                file.write("x")
            if chunk.id == 2 or (chunk.id == 3 and (folder / "3").stat().st_size == 1):
                os.kill(os.getpid(), signal.SIGKILL)
            return chunk.id

        return work

    return make


@needs_ray
def test_a_chunk_that_kills_every_worker_is_named_and_no_other(cluster: str, tmp_path: Path) -> None:
    engine = RayEngine(RayEngine.Params(workers=1, address=cluster))
    chunks = [Chunk(number, (f"image-{number}",)) for number in range(1, 5)]
    done: list[int] = []
    with pytest.raises(SeglensError, match=r"chunk 2 \(images 'image-2' to 'image-2'\) failed 3 times"):
        done.extend(number for _, number in engine.run(deadly(tmp_path), chunks[:2]))
    assert (tmp_path / "2").stat().st_size in (3, 4)  # where its worker died before it could say that chunk 1 is done
    found = [number for _, number in engine.run(deadly(tmp_path), [chunks[0], *chunks[2:]])]
    assert sorted(found) == [1, 3, 4]


def on_full_disk(write: Callable[[], Callable[[Chunk], int]], full: Path) -> Callable[[], Callable[[Chunk], int]]:
    """Work on a node whose disk has no room for chunk 3 as long as ``full`` is there."""

    def make() -> Callable[[Chunk], int]:
        work = write()

        def limited(chunk: Chunk) -> int:
            before = resource.getrlimit(resource.RLIMIT_FSIZE)
            try:
                if chunk.id == 3 and full.exists():
                    resource.setrlimit(resource.RLIMIT_FSIZE, (64, before[1]))
                return work(chunk)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)

        return limited

    return make


@needs_ray
def test_a_full_disk_on_a_node_is_said_and_the_rest_is_done_later(local: Path, cluster: str, tmp_path: Path) -> None:
    run, full = tmp_path / "run", tmp_path / "full"
    (run / "rounds").mkdir(parents=True)
    (run / "rounds" / "000").symlink_to(local / "rounds" / "000")
    full.touch()
    bench = Workbench(tiny(local.parent, **SMALL, engine=two(cluster)), run)
    work = on_full_disk(WriteChunks(ScoreChunks(bench, 1, {})), full)
    with pytest.raises(SeglensError, match=r"000003\.npz: no space left to write it\. .* free some space, then go on"):
        list(bench.engine.run(work, bench.chunks(bench.pool)))
    written = rows(run)
    assert "000003.npz" not in written
    assert written.items() <= rows(local).items()
    full.unlink()
    score_pool(ScoreChunks(bench, 1, {}), bench.chunks(bench.pool), lambda _done, _total: None)
    assert rows(run) == rows(local)


@needs_ray
def test_what_a_worker_says_is_said_once(cluster: str) -> None:
    def make() -> Callable[[Chunk], int]:
        raise SeglensError("image 'a': unreadable")

    with pytest.raises(SeglensError, match=r"^image 'a': unreadable$"):
        list(RayEngine(RayEngine.Params(workers=1, address=cluster)).run(make, [Chunk(0, ("a",))]))


@needs_ray
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is an accelerator")
def test_no_room_is_said_at_once() -> None:
    engine = RayEngine(RayEngine.Params(accelerators=1))
    with pytest.raises(SeglensError, match=r"no room for its workers: asked for 1 of 1 cores and 1 accelerators, "):
        list(engine.run(dict, [Chunk(0, ("a",))]))


@needs_ray
def test_a_lost_head_is_said_and_the_run_resumes(local: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    create(run, tiny(local.parent, **SMALL, engine=two(None)))

    def kill() -> None:
        """The head's machine goes, and the workers on it."""
        while not (driver := below(os.getpid(), "seglens.engines.driver")) or not below(driver[0], "ray::Worker"):
            time.sleep(0.05)
        for pid in (*below(driver[0], "/gcs_server"), *below(driver[0], "ray::Worker")):
            os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(SeglensError, match=r"the cluster is lost .* go on with --resume"):
        drive(run)
    killer.join()
    assert drive(run).state is State.FINISHED
    assert contents(run) == contents(local)


def test_without_ray_its_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(SeglensError, match=r"engine 'ray' needs the extra 'ray': pip install 'seglens\[ray\]'"):
        engines.build(PartConfig(name="ray"))
    with pytest.raises(SeglensError, match="needs the extra 'ray'"):
        create(tmp_path / "run", tiny(tmp_path, engine="ray"))
    assert not (tmp_path / "run").exists()
