"""Who somebody is: log in, log out, accounts."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Request, Response

from seglens.store.people import SESSION_SECONDS
from seglens.store.queue import Owner
from seglens.web.bodies import LoginBody, Nothing, PersonBody
from seglens.web.figures import people_figures
from seglens.web.refusal import Refusal
from seglens.web.who import COOKIE, Boss, Somebody, TheOffice, desk_of, token_of

router = APIRouter(prefix="/api")
PATIENCE = 5
"""Failed logins, from one place or for one name, before the waiting begins."""
LONGEST_WAIT = 60.0


class Failures:
    """Failed logins: after a few, the next must wait, twice as long each time."""

    def __init__(self) -> None:
        self._of: dict[str, tuple[int, float]] = {}

    def wait(self, *keys: str) -> float:
        """Seconds until the next try is looked at."""
        return max([0.0, *(self._of[key][1] - time.monotonic() for key in keys if key in self._of)])

    def add(self, *keys: str) -> None:
        """Note a failure."""
        for key in keys:
            count = self._of.get(key, (0, 0.0))[0] + 1
            wait = min(2.0 ** (count - PATIENCE), LONGEST_WAIT) if count >= PATIENCE else 0.0
            self._of[key] = (count, time.monotonic() + wait)
        if len(self._of) > 10_000:
            self._of.clear()

    def forget(self, *keys: str) -> None:
        """A login that fits ends the waiting."""
        for key in keys:
            self._of.pop(key, None)


@router.get("/me")
async def me(office: TheOffice, person: Somebody) -> dict[str, Any]:
    """Who asks."""
    return {"name": person.name, "role": person.role.value, "accounts": office.accounts()}


@router.post("/login")
def log_in(body: LoginBody, request: Request, response: Response, office: TheOffice) -> dict[str, Any]:
    """Begin a session: a cookie that no script can read and no other site can send."""
    failures: Failures = request.app.state.failures
    keys = (f"from {request.client.host if request.client else ''}", f"as {body.name}")
    wait = failures.wait(*keys)
    if wait > 0:
        seconds = int(wait) + 1
        raise Refusal(429, f"Too many failed logins: wait {seconds} s.", {"Retry-After": str(seconds)})
    token = office.people.log_in(body.name, body.password)
    if token is None:
        failures.add(*keys)
        raise Refusal(401, "Name and password do not fit.")
    failures.forget(*keys)
    office.short.forget()
    response.set_cookie(COOKIE, token, max_age=int(SESSION_SECONDS), httponly=True, samesite="strict", path="/")
    person = office.people.whose(token)
    assert person is not None
    return {"name": person.name, "role": person.role.value, "accounts": True}


@router.post("/logout")
def log_out(body: Nothing, request: Request, response: Response, office: TheOffice) -> dict[str, bool]:
    """End the session; what lies on the desk returns to the others."""
    token = token_of(request)
    if token is not None:
        person = office.people.whose(token)
        if person is not None:
            office.desk.leave(Owner(person.name, desk_of(request)))
        office.people.log_out(token)
    office.short.forget()
    response.delete_cookie(COOKIE, path="/")
    return {"out": True}


@router.get("/people")
def people(office: TheOffice, boss: Boss) -> list[dict[str, Any]]:
    """Everybody with what they did."""
    return people_figures(office)


@router.post("/people")
def add_person(body: PersonBody, office: TheOffice, boss: Boss) -> dict[str, bool]:
    """Make an account."""
    office.people.add(body.name, body.role, body.password)
    office.short.forget()
    return {"stored": True}
