"""A run that waits for answers, made without a driver, and clients of its page's API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from fastapi.testclient import TestClient
from tiny import tiny

from seglens.functional.run_lengths import encode
from seglens.loop import create
from seglens.oracles.human import asked_twice
from seglens.protocols import PartContext
from seglens.registry import oracles
from seglens.store import Repository
from seglens.types import AnswerKind, Chance, Cost, Query, Region, Stage
from seglens.web.app import create_app
from seglens.web.office import Office

URL = "http://127.0.0.1"
CELL = 32
PAGE = {"X-Seglens": "page", "Content-Type": "application/json"}


def make_run(
    folder: Path, kind: str = "dominant-class", ask: Any = "human", count: int = 18, kinds: Sequence[str] = ()
) -> Path:
    """A streets run of 64 x 96 images whose round 0 has asked about ``count`` squares, and waits.

    ``kinds``: those of the questions in turn, where they are of several.
    """
    run = folder / "run"
    config = tiny(folder, ask=ask, answer=kind, rounds=2, cut="grid")
    create(run, config)
    repo = Repository.of_run(run)
    from seglens.loop import Workbench

    bench = Workbench(config, run)
    queries = list(squares(bench.data.ids, kinds or (kind,), count))
    repo.begin_round(0, 12.0)
    repo.add_queries(queries)
    oracle = oracles.build(config.ask, PartContext(bench.data.classes, bench.data, folder, (64, 96)))
    twice, agree = asked_twice([q.id for q in queries], oracle, Chance((0,)))
    repo.ask_several(twice, 2, agree)
    repo.advance(0, Stage.AWAIT)
    repo.set_meta("state", "awaiting")
    repo.close()
    return run


def squares(ids: Sequence[str], kinds: Sequence[str], count: int) -> Iterator[Query]:
    """Questions about squares, image after image."""
    for number in range(count):
        image, cell = ids[number // 6], number % 6
        mask = np.zeros((64, 96), bool)
        top, left = cell // 3 * CELL, cell % 3 * CELL
        mask[top : top + CELL, left : left + CELL] = True
        region = Region(image, mask.shape, encode(mask), "grid", cell)
        said = {"classes": [number % 2, 2], "names": ["road", "building"], "probs": [0.5, 0.3], "margin": 0.2}
        reason = {**said, "place": "lower left, near"}
        kind = AnswerKind(kinds[number % len(kinds)])
        yield Query(f"q{number:02d}", 0, region, kind, 1.0 - number / 100, Cost(1, CELL**2, 2.4), reason)


@contextmanager
def page(run: Path, **options: Any) -> Iterator[TestClient]:
    """A client of a run's page; rounds do not begin by themselves."""
    office = Office(run, **{"train": False, **options})
    with TestClient(create_app(office), base_url=URL, headers=PAGE, raise_server_exceptions=False) as client:
        yield client


def at(desk: str, token: str | None = None) -> dict[str, str]:
    """Headers of a desk, and of a person."""
    return {"X-Seglens-Desk": desk, **({"Authorization": f"Bearer {token}"} if token else {})}


def whole(query: dict[str, Any], value: int) -> dict[str, Any]:
    """A mask of one class over a question's region."""
    return {"runs_by_class": [[value, query["region"]["runs"]]]}


def stored(run: Path) -> dict[str, Any]:
    """What the store holds: answers that hold by question, and the dump."""
    repo = Repository.of_run(run)
    try:
        return {pair.query.id: pair for pair in repo.answered()}
    finally:
        repo.close()
