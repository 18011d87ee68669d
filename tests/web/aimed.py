"""A run that holds something of everything, and requests of the schema aimed at what it holds."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from fastapi.testclient import TestClient
from hypothesis import strategies as st
from served import PAGE, URL, at, make_run, squares

from seglens.files import encode_id, write_arrays
from seglens.store.people import Role
from seglens.types import AnswerKind, Query
from seglens.web.app import create_app
from seglens.web.office import Office

Drawn = TypeVar("Drawn")
Draw = Callable[[st.SearchStrategy[Drawn]], Drawn]
KINDS = tuple(kind.value for kind in AnswerKind)
DRAWN = ("dense", "mask")
NAMED = ("dominant-class", "class-set", "verdict")
PEOPLE = {"olu": Role.OWNER, "rea": Role.REVIEWER, "ana": Role.ANNOTATOR, "ben": Role.ANNOTATOR}
DISPUTED, AGREED, BEGUN, OPEN = range(12), range(12, 18), range(18, 24), range(24, 36)
"""Questions whose two answers disagree, or agree, those that ana alone has answered, and those that nobody has."""


@dataclass(frozen=True)
class Held:
    """What a run holds: questions by id, tokens by name; and its database as it was."""

    office: Office
    queries: dict[str, Query]
    tokens: dict[str, str]
    kept: Path

    def again(self) -> None:
        """Put the database back, so that no request changes what the next one finds."""
        database = self.office.run / "seglens.db"
        with closing(sqlite3.connect(self.kept)) as kept, closing(sqlite3.connect(database)) as now:
            now.execute("pragma synchronous=off")
            kept.backup(now)
        self.office.short.forget()
        self.office.slow.forget()


def everything(folder: Path) -> Held:
    """A run with questions of every kind, accounts, answers, disputes, doubts and a round's maps."""
    ask = {"name": "human", "overlap": 1.0, "agree": 0.9}
    office = Office(make_run(folder, "dense", ask, 36, KINDS), train=False)
    for name, role in PEOPLE.items():
        office.people.add(name, role, f"{name}'s password")
    tokens = {name: office.people.token(name) for name in PEOPLE}
    queries = {query.id: query for query in squares(office.data.ids, KINDS, 36)}
    rng = np.random.default_rng(0)
    for id in office.data.ids:
        maps = {name: rng.random((64, 96), np.float32) for name in ("score", "entropy")}
        path = office.run / "rounds" / "000" / "maps" / f"{encode_id(id)}.npz"
        write_arrays(path, prediction=rng.integers(0, 5, (64, 96), np.uint8), **maps)
    client = TestClient(create_app(office), base_url=URL, headers=PAGE)  # not entered: no thread begins
    for number, query in enumerate(queries.values()):
        for value, name in enumerate(("ana", "ben")):
            if number in (*DISPUTED, *AGREED) or (number in BEGUN and name == "ana"):
                body = saying(query, value if number in DISPUTED else 0)
                said = client.post(f"/api/questions/{query.id}/answer", json=body, headers=at("d", tokens[name]))
                assert said.status_code == 200, said.text
    doubt(office.run, [query for number, query in enumerate(queries.values()) if number in AGREED])
    assert client.get("/api/doubts", headers=at("d", tokens["olu"])).json()["doubted"]
    with closing(sqlite3.connect(office.run / "seglens.db")) as now, closing(sqlite3.connect(folder / "kept")) as kept:
        now.backup(kept)
    return Held(office, queries, tokens, folder / "kept")


def doubt(run: Path, queries: Sequence[Query]) -> None:
    """Leave in the run's folder what an audit would that doubts ana's answers to these questions."""
    why: dict[str, Any] = {"said": ["road"], "instead": "car", "model": "car", "neighbours": "sky"}
    why |= {"suspicion": 0.9, "confidence": 0.1, "margin": 0.5, "agreement": 0.2, "box": [0, 0, 9, 9], "pixels": 81}
    rows = [
        {"rank": rank, "query": q.id, "round": 0, "image": q.image, "annotator": "ana", **why}
        for rank, q in enumerate(queries, 1)
    ]
    told = {"at": datetime.now(UTC).isoformat(), "answers": 12, "folds": 2, "doubted": rows}
    (run / "audit.json").write_text(json.dumps(told))


def saying(query: Query, value: int) -> dict[str, Any]:
    """An answer that fits a question: one class, over the whole region, or in its first pixel."""
    start = int(query.region.runs[0, 0])
    return {
        "status": "answered",
        "classes": [] if query.kind.value in DRAWN else [value],
        "mask": {"runs_by_class": [[value, query.region.runs.tolist()]]} if query.kind.value in DRAWN else None,
        "point": [start // 96, start % 96] if query.kind is AnswerKind.POINT else None,
    }


class Aim:
    """Puts what a run holds into a request that the schema has made up: mostly into all of it, else here and there.

    Args:
        draw: of the example.
        held: the run.
        kinds: of the questions to ask about.
    """

    def __init__(self, draw: Draw[Any], held: Held, kinds: Sequence[str] = KINDS) -> None:
        self.draw, self.held, self.kinds = draw, held, kinds
        self.well = draw(st.integers(0, 3)) < 3

    def hits(self) -> bool:
        """Whether the next value is aimed."""
        return self.well or self.draw(st.booleans())

    def headers(self, path: str) -> dict[str, str]:
        """Who asks: somebody of the run, seldom nobody."""
        allowed = ALLOWED.get(path.removeprefix("/api/").partition("/{id}")[0], (*PEOPLE,))
        name = self.draw(st.sampled_from(allowed if self.hits() else (*PEOPLE, None)))
        return {**PAGE, "Host": "127.0.0.1", **at("d", self.held.tokens.get(name or ""))}

    def case(self, case: Any) -> None:
        """Aim path, query and body."""
        path = case.operation.path
        query = self.question(range(18) if "/review" in path else range(18, 36))
        if isinstance(case.path_parameters, dict) and "id" in case.path_parameters and self.hits():
            case.path_parameters["id"] = query.id
        for values in (case.query, case.body):
            if isinstance(values, dict):
                self.values(values, self.wanted(path, query))

    def question(self, numbers: range, kinds: Sequence[str] = ()) -> Query:
        """One of these, of some kinds or of those to ask about."""
        queries = list(self.held.queries.values())
        return self.draw(st.sampled_from([q for n in numbers if (q := queries[n]).kind.value in (kinds or self.kinds)]))

    def values(self, values: dict[str, Any], wanted: dict[str, Any]) -> None:
        """Put wanted values in the place of made up ones; a wanted None is left out."""
        for name, value in wanted.items():
            if self.hits():
                values.pop(name, None)
                if value is not None:
                    values[name] = value

    def wanted(self, path: str, query: Query) -> dict[str, Any]:
        """Values that the operation at ``path`` can do something with."""
        revision, value = self.draw(st.integers(2, 9)), self.draw(st.integers(0, 10))
        status = self.draw(st.sampled_from(("answered", "answered", "void", "unsure")))
        said = {**saying(query, value), "status": status}
        whose = self.draw(st.sampled_from(("ana", "ben", None)))
        name = self.draw(st.sampled_from((*PEOPLE,)))
        image, box, asked = query.image, (4, 8, 40, 72), self.draw(st.sampled_from((query.id, None)))
        return {
            "claim": {"query": asked, "after": None},
            "questions/{id}/draft": {k: v for k, v in said.items() if k != "status"} | {"revision": revision},
            "questions/{id}/answer": {**said, "revision": revision},
            "answers/many": {"queries": [self.question(OPEN, NAMED).id, query.id], "classes": [value]},
            "answers": {"before": None},
            "review/{id}": {"annotator": whose, "answer": None if whose else {**said, "revision": revision}},
            "review/{id}/draft": {"revision": revision},
            "login": {"name": name, "password": f"{name}'s password"},
            "people": {"name": f"new{value}", "password": None},
            "cut-out": {"image": image, "inside": [[20, 30]], "outside": [[60, 90]], "box": box, "by": "walker"},
            "thumb": {"image": image, "box": ",".join(map(str, box)), "query": asked, "said": None},
        }.get(path.removeprefix("/api/"), {"image": self.question(range(36)).image} if path in IMAGES else {})


ALLOWED = {"review": ("rea", "olu"), "doubts": ("rea", "olu"), "people": ("olu",), "round": ("olu",)}
IMAGES = ("/api/picture", "/api/ids", "/api/layer", "/api/neighbours")
