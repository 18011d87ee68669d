"""Whatever the OpenAPI schema allows, and more: nothing makes the server fall over."""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from aimed import KINDS, Aim, Held, everything
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from seglens.web.app import create_app
from seglens.web.routes.who import Failures

EXAMPLES = settings(
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def import_all(*rooms: str) -> None:
    """Import what schemathesis imports when it is first used, before there is a second thread.

    pytest rewrites a plugin's modules, and CPython 3.11 fails where two threads parse at once ("AST constructor
    recursion depth mismatch").
    """
    for room in rooms:
        package = importlib.import_module(f"schemathesis.{room}")
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            with suppress(ImportError):
                importlib.import_module(found.name)


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    import_all("specs.openapi", "generation", "python", "transport", "core")
    found = everything(tmp_path_factory.mktemp("schema"))
    yield found
    found.office.close()


def statuses(app: FastAPI, held: Held, operation: Any, kinds: Sequence[str], most: int) -> Counter[str]:
    """How often an operation ended how; each request finds the run as it was."""
    found: Counter[str] = Counter()
    held.again()

    @seed(len(operation.path) + KINDS.index(kinds[0]))
    @given(case=operation.as_strategy(), data=st.data())
    @settings(EXAMPLES, max_examples=most)
    def asked(case: Any, data: st.DataObject) -> None:
        if operation.method.upper() != "GET":
            held.again()
        app.state.failures = Failures()
        aim = Aim(data.draw, held, kinds)
        aim.case(case)
        response = case.call(headers=aim.headers(operation.path))
        assert response.status_code < 500, (case.as_curl_command(), response.text)
        if response.status_code >= 400:
            assert response.json()["error"]
        found["nothing" if b'"stored":0' in response.content else str(response.status_code)] += 1

    asked()
    return found


def test_no_request_makes_the_server_fall_over(held: Held) -> None:
    app = create_app(held.office)
    described = schemathesis.openapi.from_asgi("/api/openapi.json", app, headers={"Host": "127.0.0.1"})
    operations = [found.ok() for found in described.get_all_operations()]
    assert len(operations) > 20
    for operation in operations:
        if "{id}" in operation.path:
            found = [statuses(app, held, operation, (kind,), 5) for kind in KINDS]
        else:
            found = [statuses(app, held, operation, KINDS, 12 if operation.query or operation.body else 3)]
        if operation.label == "POST /api/round":
            assert found[0]["409"], "too few have answered, so that nothing is trained here"
            continue
        done = [sum(count for status, count in one.items() if status < "300") for one in found]
        assert all(done), (operation.label, dict(zip(KINDS, found, strict=False)))
        assert sum(done) >= 0.3 * sum(one.total() for one in found), (operation.label, found)


def test_every_part_of_the_contract_is_described(held: Held) -> None:
    paths = create_app(held.office).openapi()["paths"]
    wanted = {
        "me",
        "login",
        "logout",
        "people",
        "run",
        "status",
        "round",
        "report",
        "claim",
        "queue",
        "answers",
        "answers/many",
    }
    wanted |= {
        "picture",
        "thumb",
        "ids",
        "layer",
        "neighbours",
        "cut-out",
        "guide",
        "doubts",
        "review",
        "review/{id}",
        "review/{id}/draft",
    }
    wanted |= {"questions/{id}"} | {
        f"questions/{{id}}/{what}" for what in ("renew", "release", "draft", "answer", "similar")
    }
    assert set(paths) == {f"/api/{path}" for path in wanted}
    assert Path(create_app(held.office).openapi_url or "").name == "openapi.json"
