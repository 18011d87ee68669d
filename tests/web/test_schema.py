"""Whatever the OpenAPI schema allows, and more: nothing makes the server fall over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from served import PAGE, make_run

from seglens.web.app import create_app
from seglens.web.office import Office

EXAMPLES = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    found = Office(make_run(tmp_path_factory.mktemp("schema"), "dense"), train=False)
    yield found
    found.close()


def test_no_request_makes_the_server_fall_over(office: Office) -> None:
    app = create_app(office)
    described = schemathesis.openapi.from_asgi("/api/openapi.json", app, headers={"Host": "127.0.0.1"})
    operations = [found.ok() for found in described.get_all_operations()]
    tried: list[int] = []

    for operation in operations:

        @given(case=operation.as_strategy())
        @settings(EXAMPLES)
        def asked(case: Any) -> None:
            response = case.call(headers={**PAGE, "Host": "127.0.0.1"})
            tried.append(response.status_code)
            assert response.status_code < 500, (case.as_curl_command(), response.text)
            if response.status_code >= 400:
                assert response.json()["error"]

        asked()
    assert len(operations) > 20
    assert len(tried) > 10 * len(operations)
    assert 200 in tried


def test_every_part_of_the_contract_is_described(office: Office) -> None:
    paths = create_app(office).openapi()["paths"]
    wanted = {"me", "login", "logout", "people", "run", "status", "round", "report", "claim", "answers", "answers/many"}
    wanted |= {
        "picture",
        "thumb",
        "ids",
        "layer",
        "neighbours",
        "cut-out",
        "guide",
        "review",
        "review/{id}",
        "review/{id}/draft",
    }
    wanted |= {"questions/{id}"} | {
        f"questions/{{id}}/{what}" for what in ("renew", "release", "draft", "answer", "similar")
    }
    assert set(paths) == {f"/api/{path}" for path in wanted}
    assert Path(create_app(office).openapi_url or "").name == "openapi.json"
