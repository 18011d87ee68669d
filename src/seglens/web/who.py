"""Who asks: the person and desk of a request."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from seglens.store.people import Person, Role
from seglens.store.queue import Owner
from seglens.web.office import Office
from seglens.web.refusal import Refusal

COOKIE = "seglens"


def office_of(request: Request) -> Office:
    """The office that the application was made with."""
    office: Office = request.app.state.office
    return office


def token_of(request: Request) -> str | None:
    """The session or token that a request shows."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()[:256]
    return (request.cookies.get(COOKIE) or "")[:256] or None


async def person_of(request: Request) -> Person:
    """The person who asks.

    Raises:
        Refusal: 401, nobody the run knows.
    """
    office = office_of(request)
    token = token_of(request)
    if office.knows(token):  # most requests: no thread for what is in memory
        return _look_up(office, token)
    return await run_in_threadpool(_look_up, office, token)


def _look_up(office: Office, token: str | None) -> Person:
    if not office.accounts():
        return office.me
    person = office.whose(token) if token is not None else None
    if person is None:
        raise Refusal(401, "Say who you are first: log in, or show a token.", {"WWW-Authenticate": "Bearer"})
    return person


async def owner_of(request: Request, person: Annotated[Person, Depends(person_of)]) -> Owner:
    """The desk that asks."""
    return Owner(person.name, desk_of(request))


def desk_of(request: Request) -> str:
    """The name of the desk that asks."""
    return request.headers.get("x-seglens-desk", "")[:64]


async def reviewer_of(person: Annotated[Person, Depends(person_of)]) -> Person:
    """A person who may settle disagreements."""
    if not person.reviews:
        raise Refusal(403, f"{person.name} is an {person.role.value}; only reviewers and owners may do this.")
    return person


async def boss_of(person: Annotated[Person, Depends(person_of)]) -> Person:
    """A person who may do everything."""
    if person.role is not Role.OWNER:
        raise Refusal(403, f"{person.name} is {person.role.value}; only owners may do this.")
    return person


TheOffice: TypeAlias = Annotated[Office, Depends(office_of)]
Somebody: TypeAlias = Annotated[Person, Depends(person_of)]
Reviewer: TypeAlias = Annotated[Person, Depends(reviewer_of)]
Boss: TypeAlias = Annotated[Person, Depends(boss_of)]
AtDesk: TypeAlias = Annotated[Owner, Depends(owner_of)]
