"""Who may use the page: accounts with a role, passwords kept as scrypt, tokens kept as their SHA-256."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from seglens.store.repository import Repository
from seglens.store.tables import PersonRow, TokenRow
from seglens.types import SeglensError

NAME = re.compile(r"[\w.@+-]{1,64}")
LEAST_PASSWORD = 8
SESSION_SECONDS = 30 * 24 * 3600.0
SCRYPT = {"n": 2**14, "r": 8, "p": 1}


class Role(StrEnum):
    """What a person may do: answer; settle disagreements too; everything."""

    ANNOTATOR = "annotator"
    REVIEWER = "reviewer"
    OWNER = "owner"


@dataclass(frozen=True)
class Person:
    """Somebody at the page."""

    name: str
    role: Role

    @property
    def reviews(self) -> bool:
        """Whether the person may settle disagreements."""
        return self.role is not Role.ANNOTATOR


class People:
    """The accounts of a run."""

    def __init__(self, repo: Repository) -> None:
        self.repo = repo

    def there(self) -> bool:
        """Whether the run has accounts at all."""
        with self.repo.transaction() as session:
            return session.scalar(select(func.count()).select_from(PersonRow)) != 0

    def listed(self) -> list[Person]:
        """Everybody, by name."""
        with self.repo.transaction() as session:
            return [Person(p.name, Role(p.role)) for p in session.scalars(select(PersonRow).order_by(PersonRow.name))]

    def add(self, name: str, role: Role, password: str | None) -> None:
        """Make an account; without a password it is entered by token alone.

        Raises:
            SeglensError: a name that is taken or not allowed, or a password that is too short; nothing is stored.
        """
        if not NAME.fullmatch(name):
            raise SeglensError(f"name: found {name[:64]!r}; allowed: 1 to 64 letters, digits and . _ @ + -")
        if password is not None and len(password) < LEAST_PASSWORD:
            raise SeglensError(f"password: {len(password)} characters; allowed: {LEAST_PASSWORD} or more")
        kept = _scrypted(password) if password is not None else None
        with self.repo.writing() as session:
            if session.get(PersonRow, name) is not None:
                raise SeglensError(f"name: '{name}' has an account already; remove it first, or choose another name")
            session.add(PersonRow(name=name, role=role.value, password=kept))

    def remove(self, name: str) -> None:
        """Close an account and everything that lets it in; the person's answers stay.

        Raises:
            SeglensError: nobody of that name.
        """
        with self.repo.writing() as session:
            session.execute(delete(TokenRow).where(TokenRow.person == name))
            session.delete(self._row(session, name))

    def token(self, name: str) -> str:
        """A new token for scripts, which is shown once and never ends.

        Raises:
            SeglensError: nobody of that name.
        """
        return self._let_in(name, "token", None)

    def log_in(self, name: str, password: str) -> str | None:
        """A session's token, or None where name and password do not fit; it takes as long for an unknown name."""
        with self.repo.transaction() as session:
            row = session.get(PersonRow, name) if NAME.fullmatch(name) else None
            kept = row.password if row is not None else None
        fits = _fits(password, kept or NOBODY)
        return self._let_in(name, "session", time.time() + SESSION_SECONDS) if fits and kept else None

    def log_out(self, token: str) -> None:
        """End a session."""
        with self.repo.writing() as session:
            session.execute(delete(TokenRow).where(TokenRow.digest == digest(token), TokenRow.kind == "session"))

    def whose(self, token: str) -> Person | None:
        """The person that a session or token lets in, or None."""
        with self.repo.transaction() as session:
            row = session.get(TokenRow, digest(token))
            if row is None or (row.expires is not None and row.expires < time.time()):
                return None
            person = session.get_one(PersonRow, row.person)
            return Person(person.name, Role(person.role))

    def _let_in(self, name: str, kind: str, expires: float | None) -> str:
        token = secrets.token_urlsafe(32)
        with self.repo.writing() as session:
            self._row(session, name)
            session.execute(delete(TokenRow).where(TokenRow.expires < time.time()))
            session.add(TokenRow(digest=digest(token), person=name, kind=kind, expires=expires))
        return token

    def _row(self, session: Session, name: str) -> PersonRow:
        row = session.get(PersonRow, name) if NAME.fullmatch(name) else None
        if row is None:
            known = ", ".join(person.name for person in self.listed()) or "nobody"
            raise SeglensError(f"name: no account '{name[:64]}'; there is {known}")
        return row


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _scrypted(password: str) -> str:
    salt = secrets.token_bytes(16)
    return f"scrypt${salt.hex()}${_hash(password, salt).hex()}"


def _hash(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode("utf-8", "replace"), salt=salt, **SCRYPT)


def _fits(password: str, kept: str) -> bool:
    _, salt, expected = kept.split("$")
    return hmac.compare_digest(_hash(password, bytes.fromhex(salt)), bytes.fromhex(expected))


NOBODY = f"scrypt${'00' * 16}${'00' * 64}"
"""Compared with where the name is unknown, so that the answer takes as long."""
