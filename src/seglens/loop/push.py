"""A run's folder copied to a URL and back: ``run.json`` names every file, and is replaced when all of them are there.

The files lie under their digests, so that nothing is written over: whenever a push is killed, what the last one left is
whole, and the next sends only what is missing. The database itself stays on a local disk; a snapshot of it is sent.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from pydantic import Field, ValidationError, field_validator

from seglens.config import Params
from seglens.data.storage import Place, ask, length, place
from seglens.files import locked, write_bytes
from seglens.loop.machine import load_config
from seglens.loop.progress import PROGRESS
from seglens.loop.workbench import Report
from seglens.store.copies import Written, snapshot, written
from seglens.store.database import DATABASE
from seglens.types import SeglensError

MANIFEST = "run.json"
FILES = "files"
TRIES = 10
"""How often the folder is read anew because the run went on meanwhile."""
_OWN = frozenset({"lock", PROGRESS, "web"})
"""What belongs to the processes at work and not to the run."""


class Manifest(Params):
    """What lies at a URL."""

    run: str = Field(description="the run's id")
    events: int = Field(ge=0, description="events in its database")
    answers: int = Field(ge=0, description="answers in its database")
    files: dict[str, str] = Field(description="SHA-256 of each file, by its path in the run's folder")

    @field_validator("files")
    @classmethod
    def _below(cls, files: dict[str, str]) -> dict[str, str]:
        for name in files:
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                raise ValueError(f"'{name}' leads out of the run's folder")
        return files


def push(run: Path, url: str, report: Report) -> int:
    """Copy a run to a URL, where it may have been copied to before; the run may be driven meanwhile.

    Args:
        run: the run's folder.
        url: of a prefix of its own (``s3://bucket/runs/first``), or a folder.
        report: told of progress.

    Returns:
        The files that were sent; those that lay there already are not.

    Raises:
        SeglensError: no run, or one whose database is elsewhere; another run or a later state of this one at the URL;
            storage fails.
    """
    if load_config(run).store.url is not None:
        raise SeglensError(f"key 'store.url': the database of {run} is not in its folder; its server backs it up")
    with locked(run / ".push"):  # one at a time: each removes what its own manifest does not name
        for _ in range(TRIES):
            with tempfile.TemporaryDirectory() as folder:
                state = snapshot(run, Path(folder) / DATABASE)
                sent, done = _send(run, url, state, Path(folder) / DATABASE, report)
            if done:
                return sent
    raise SeglensError(f"{run}: it went on each of the {TRIES} times that it was read; push again, or stop it first")


def _send(run: Path, url: str, state: Written, database: Path, report: Report) -> tuple[int, bool]:
    """Send what is missing; the files sent, and whether the run stood still, so that the manifest was replaced."""
    top = place(url)
    before = _manifest(top)
    if before is not None and before.run != state.run:
        raise SeglensError(f"{url}: holds another run; choose another URL. Nothing was changed there.")
    if before is not None and (before.events > state.events or before.answers > state.answers):
        raise SeglensError(
            f"{url}: holds a later state of this run ({before.events} events and {before.answers} answers, here "
            f"{state.events} and {state.answers}); pull that one. Nothing was changed there."
        )
    there = {path.name: length(path) for path in _files(top)}
    names: dict[str, str] = {}
    sent = 0
    paths = {**{path.relative_to(run).as_posix(): path for path in _of_run(run)}, DATABASE: database}
    for number, (name, path) in enumerate(paths.items()):
        report("sending", number, len(paths))
        with suppress(FileNotFoundError):  # gone or replaced meanwhile: what is read is what is named
            data = path.read_bytes()
            digest = names[name] = hashlib.sha256(data).hexdigest()
            if there.get(digest) != len(data):
                _put(top / FILES / digest, data)
                there[digest] = len(data)
                sent += 1
    if written(run / DATABASE).events != state.events:  # a stage was done: its files are newer than the snapshot
        return sent, False
    manifest = Manifest(run=state.run, events=state.events, answers=state.answers, files=names)
    _put(top / MANIFEST, manifest.model_dump_json(indent=1).encode())
    for digest in there.keys() - set(names.values()):
        _remove(top / FILES / digest)
    report("sending", len(paths), len(paths))
    return sent, True


def pull(url: str, run: Path, report: Report) -> int:
    """Bring a run that was pushed to a folder; killed and called again, it fetches what is still missing.

    Args:
        url: where it was pushed to.
        run: a folder that is empty or not there; it appears when all is there.
        report: told of progress.

    Returns:
        The files of the run.

    Raises:
        SeglensError: no run at the URL, something in the folder, or a file that is missing, damaged or unreadable.
    """
    if run.exists() and (not run.is_dir() or any(run.iterdir())):
        raise SeglensError(f"{run}: is not an empty folder; choose another one, nothing is written over")
    top = place(url)
    manifest = _manifest(top)
    if manifest is None:
        raise SeglensError(f"{url}: no run was pushed there (no {MANIFEST})")
    coming = run.absolute().with_name(f".{run.absolute().name}.pull")
    for number, (name, digest) in enumerate(manifest.files.items()):
        report("fetching", number, len(manifest.files))
        target, source = coming / name, top / FILES / digest
        if target.is_file() and hashlib.sha256(target.read_bytes()).hexdigest() == digest:
            continue
        try:
            data = _get(source)
        except FileNotFoundError:
            raise SeglensError(f"{source} ({name}): gone; if the run was pushed again meanwhile, pull again") from None
        if hashlib.sha256(data).hexdigest() != digest:
            raise SeglensError(f"{source} ({name}): damaged, its digest is another; remove it and push the run again")
        write_bytes(target, data)
    for path in [path for path in coming.rglob("*") if path.is_file()]:
        if path.relative_to(coming).as_posix() not in manifest.files:  # of an earlier push, or half written
            path.unlink()
    coming.rename(run)
    return len(manifest.files)


def _of_run(run: Path) -> Iterator[Path]:
    """The run's files but its database, in order, and without what is being written."""
    for path in sorted(run.rglob("*")):
        parts = path.relative_to(run).parts
        hidden = any(part.startswith(".") for part in parts)
        if parts[0] not in _OWN and not parts[0].startswith(DATABASE) and not hidden and path.is_file():
            yield path


def _manifest(top: Place) -> Manifest | None:
    try:
        return Manifest.model_validate(json.loads(_get(top / MANIFEST)))
    except FileNotFoundError:
        return None
    except (ValueError, ValidationError) as error:
        raise SeglensError(f"{top / MANIFEST}: not a run of seglens: {' '.join(str(error).split())}") from None


def _files(top: Place) -> Iterator[Place]:
    folder = top / FILES
    if folder.is_dir():
        yield from folder.iterdir()


def _get(source: Place) -> bytes:
    found = source.read_bytes() if isinstance(source, Path) else ask(str(source), "cat_file", whole=False)
    assert isinstance(found, bytes)
    return found


def _put(target: Place, data: bytes) -> None:
    if isinstance(target, Path):
        write_bytes(target, data)
    else:
        ask(str(target), "pipe_file", data, whole=False)


def _remove(target: Place) -> None:
    with suppress(FileNotFoundError):
        if isinstance(target, Path):
            target.unlink()
        else:
            ask(str(target), "rm_file")
