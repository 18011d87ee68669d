"""The application: the page's files, the API, and what guards both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles

import seglens
from seglens.web import refusal
from seglens.web.guard import LOOPBACK, Guard
from seglens.web.office import Office
from seglens.web.refusal import Json
from seglens.web.routes import cut_out, guide, pictures, questions, review, run, who
from seglens.web.who import token_of

STATIC = Path(__file__).parent / "static"


def _known(office: Office, request: Request) -> bool:
    token = token_of(request)
    return not office.accounts() or (token is not None and office.whose(token) is not None)


def create_app(office: Office) -> FastAPI:
    """The labelling page of one run.

    Args:
        office: what every request works with; the application begins its work when it starts and ends it when it stops.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        office.begin()
        try:
            yield
        finally:
            office.close()

    app = FastAPI(
        title="Seglens",
        version=seglens.__version__,
        lifespan=lifespan,
        default_response_class=Json,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    app.state.office = office
    app.state.failures = who.Failures()
    refusal.add_to(app)
    for module in (who, run, questions, pictures, cut_out, review, guide):
        app.include_router(module.router)

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        if not (STATIC / "index.html").is_file():
            raise refusal.Refusal(404, "The page's files are not there.")
        return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})

    app.mount("/static", Files(directory=STATIC, check_dir=False), name="static")
    app.add_middleware(Guard, hosts=LOOPBACK if office.loopback else None, known=partial(_known, office))
    return app


class Files(StaticFiles):
    """The page's files; a browser asks each time whether they changed."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """A file, or that it has not changed."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response
