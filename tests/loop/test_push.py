"""A run copied to a bucket and back: it goes on elsewhere, whatever was killed; what is wrong changes nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tiny import contents, resume, start, tiny
from typer.testing import CliRunner

from seglens.cli import app
from seglens.loop import create, drive, pull, push
from seglens.store import Repository
from seglens.types import SeglensError

fsspec = pytest.importorskip("fsspec")


def silent(_what: str, _done: int, _total: int) -> None:
    """Tells nobody."""


def load(name: str) -> Any:
    return json.loads(fsspec.filesystem("s3").cat_file(name))


def contents_of(run: Path) -> dict[str, bytes]:
    """Every file of a run that travels; of the database what it says."""
    names = [path for path in run.rglob("*") if path.is_file() and path.name not in ("lock", "progress.json")]
    found = {str(path.relative_to(run)): path.read_bytes() for path in names if "seglens.db" not in path.name}
    return found | {"seglens.db": contents_dump(run)}


def contents_dump(run: Path) -> bytes:
    repo = Repository.of_run(run)
    try:
        return f"{repo.run_id()} {repo.dump()}".encode()
    finally:
        repo.close()


def test_a_run_goes_on_elsewhere_after_its_machine_is_lost(tmp_path: Path, prefix: str) -> None:
    here, there, target = tmp_path / "here", tmp_path / "there" / "run", f"{prefix}/run"
    start(tmp_path / "undisturbed", tiny(tmp_path, rounds=2))
    create(here, tiny(tmp_path, rounds=2))

    def lost(what: str, _done: int, _total: int) -> None:
        if what == "round 1: settle":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drive(here, lost)
    assert push(here, target, silent) > 10
    assert push(here, target, silent) == 0  # nothing is new
    shutil.rmtree(here)
    pull(target, there, silent)
    resume(there)
    assert contents(there) == contents(tmp_path / "undisturbed")
    assert push(there, target, silent) > 0
    names = {path.rpartition("/")[2] for path in fsspec.filesystem("s3").find(target)}
    assert len(names) == len(set(load(f"{target}/run.json")["files"].values())) + 1  # of the old state nothing is left


@pytest.fixture
def run(tmp_path: Path) -> Path:
    create(tmp_path / "run", tiny(tmp_path, rounds=1))
    return tmp_path / "run"


def test_a_killed_push_leaves_the_last_one_whole(run: Path, tmp_path: Path, prefix: str) -> None:
    target = f"{prefix}/run"
    push(run, target, silent)
    before = contents_of(run)
    (run / "rounds").mkdir()
    for number in range(6):
        (run / "rounds" / f"{number}").write_text(f"map {number}")

    def killed(_what: str, done: int, _total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        push(run, target, killed)
    pull(target, tmp_path / "before", silent)
    assert contents_of(tmp_path / "before") == before
    sent = push(run, target, silent)
    assert 0 < sent < 6  # the first ones were there
    with pytest.raises(KeyboardInterrupt):
        pull(target, tmp_path / "after", killed)
    assert not (tmp_path / "after").exists()
    assert pull(target, tmp_path / "after", silent) == len(contents_of(run))
    assert contents_of(tmp_path / "after") == contents_of(run)


def test_bad_pushes_and_pulls_are_one_error_and_change_nothing(run: Path, tmp_path: Path, prefix: str) -> None:
    target = f"{prefix}/run"
    with pytest.raises(SeglensError, match="no run was pushed there"):
        pull(target, tmp_path / "x", silent)
    push(run, target, silent)
    with pytest.raises(SeglensError, match="is not an empty folder"):
        pull(target, run, silent)
    create(tmp_path / "other", tiny(tmp_path, rounds=1))
    with pytest.raises(SeglensError, match="holds another run"):
        push(tmp_path / "other", target, silent)
    pull(target, tmp_path / "old", silent)
    repo = Repository.of_run(run)
    repo.log("started")
    repo.close()
    push(run, target, silent)
    with pytest.raises(SeglensError, match="holds a later state of this run"):
        push(tmp_path / "old", target, silent)
    digest = load(f"{target}/run.json")["files"]["config.yaml"]
    fsspec.filesystem("s3").pipe_file(f"{target}/files/{digest}", b"x")
    with pytest.raises(SeglensError, match=rf"files/{digest} \(config.yaml\): damaged"):
        pull(target, tmp_path / "x", silent)
    fsspec.filesystem("s3").rm_file(f"{target}/files/{digest}")
    with pytest.raises(SeglensError, match=rf"files/{digest} \(config.yaml\): gone"):
        pull(target, tmp_path / "x", silent)
    push(run, target, silent)  # what is missing is sent again
    assert pull(target, tmp_path / "x", silent) > 1
    manifest = {**load(f"{target}/run.json"), "files": {"../x": "0"}}
    fsspec.filesystem("s3").pipe_file(f"{target}/run.json", json.dumps(manifest).encode())
    with pytest.raises(SeglensError, match=r"leads out of the run's folder"):
        pull(target, tmp_path / "y", silent)
    assert not (tmp_path / "y").exists()


def test_a_run_that_is_driven_is_pushed_between_two_stages(run: Path, tmp_path: Path, prefix: str) -> None:
    target, moves = f"{prefix}/run", iter(range(2))
    repo = Repository.of_run(run)

    def driven(_what: str, done: int, _total: int) -> None:
        if done == 1 and next(moves, None) is not None:
            repo.log("stage")

    push(run, target, driven)
    repo.close()
    assert next(moves, None) is None
    assert load(f"{target}/run.json")["events"] == 2


def test_the_commands_push_and_pull_take_a_folder_too(run: Path, tmp_path: Path) -> None:
    for words in (["push", str(run), str(tmp_path / "disk")], ["pull", f"file://{tmp_path}/disk", str(tmp_path / "y")]):
        told = CliRunner().invoke(app, words)
        assert told.exit_code == 0, told.output
    assert contents_of(tmp_path / "y") == contents_of(run)


def test_a_run_whose_database_is_elsewhere_is_not_copied_without_it(tmp_path: Path) -> None:
    run = tmp_path / "run"
    create(run, tiny(tmp_path))
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("url: null", "url: postgresql://me@localhost/run"))
    with pytest.raises(SeglensError, match=r"key 'store.url': the database of .* is not in its folder"):
        push(run, str(tmp_path / "copy"), silent)
    assert not (tmp_path / "copy").exists()
