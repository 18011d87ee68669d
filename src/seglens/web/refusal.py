"""How the API says no: a status and one clear sentence."""

from __future__ import annotations

import json
import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from seglens.store.database import LostError
from seglens.store.desk import StaleError, TakenError, UnknownQueryError
from seglens.types import SeglensError

log = logging.getLogger("seglens.web")


class Refusal(Exception):
    """A request that is not done.

    Args:
        status: 4xx.
        sentence: what was found and what is allowed.
        more: further values of the answer.
    """

    def __init__(self, status: int, sentence: str, headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.headers, self.more = status, sentence, headers, more


class Json(Response):
    """JSON in plain ASCII: whatever people typed can be encoded."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The bytes of a value."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


def refuse(status: int, sentence: str, headers: dict[str, str] | None = None, **more: Any) -> Json:
    """The answer to a request that is not done."""
    return Json({"error": sentence, **more}, status, headers)


def add_to(app: FastAPI) -> None:
    """Turn every error into a refusal."""
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(SeglensError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OperationalError, _busy)
    app.add_exception_handler(LostError, _busy)
    app.add_exception_handler(Exception, _bug)


def _refusal(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return refuse(error.status, error.sentence, error.headers, **error.more)


def _ours(_request: Request, error: Exception) -> Response:
    if isinstance(error, StaleError):
        return refuse(409, str(error), revision=error.revision)
    status = 404 if isinstance(error, UnknownQueryError) else 409 if isinstance(error, TakenError) else 422
    return refuse(status, str(error))


def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problem = error.errors()[0]
    place = ".".join(str(part)[:40] for part in problem["loc"] if part != "body") or "body"
    found = problem.get("input")
    shown = f", found {found!r:.60}" if isinstance(found, str | int | float | bool) else ""
    return refuse(422, f"{place}{shown}: {problem['msg']}")


def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refuse(error.status_code, str(error.detail), dict(error.headers or {}))


def _bug(_request: Request, error: Exception) -> Response:
    return refuse(500, "The server made a mistake; nothing was stored. Its terminal says more.")


def _busy(_request: Request, error: Exception) -> Response:
    log.warning("the database did not answer: %s", error)
    return refuse(429, "The run's database is busy; nothing was stored. Try again.", {"Retry-After": "1"})
