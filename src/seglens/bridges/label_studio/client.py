"""Talking to a Label Studio server: its two kinds of token, and errors that say what to do."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping
from typing import Any

import httpx

from seglens.types import SeglensError

SECONDS = 120.0
"""How long one request may take: a server imports a batch of tasks before it answers."""
PAGE = 50
"""Tasks a page: each may hold run-lengths of several masks."""
STARTING = (502, 503, 504)
"""What stands before a server says while it starts."""
REFRESH = "/api/token/refresh/"
PERSONAL = re.compile(r"^[\w-]+\.[\w-]+\.[\w-]+$")
"""A personal access token is a JSON web token: three parts with points between them."""
LEGACY = re.compile(r"^[\w-]+$")


class TokenAuth(httpx.Auth):
    """Signs requests with a token of either kind.

    A legacy token is sent as it is. A personal access token is exchanged for an access token of a few minutes, and
    exchanged again when the server no longer takes that one.

    Args:
        token: of the user, from the server's page "Account & Settings".
        url: of the server.

    Raises:
        SeglensError: no such token, or (while it is used) one that the server does not take. The token is not told.
    """

    requires_response_body = True

    def __init__(self, token: str, url: str) -> None:
        self._token = token.strip()
        self._url = url
        self._access: str | None = None
        self.personal = PERSONAL.match(self._token) is not None
        if not self.personal and not LEGACY.match(self._token):
            raise SeglensError(
                "Label Studio's token: found none of a known form; allowed: a legacy token or a personal access token "
                "(--token or LABEL_STUDIO_API_KEY)"
            )

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """The request, signed; for a personal access token the exchange before it, and again when it has expired."""
        if not self.personal:
            request.headers["Authorization"] = f"Token {self._token}"
            yield request
            return
        fresh = self._access is None
        if fresh:
            yield from self._exchange()
        request.headers["Authorization"] = f"Bearer {self._access}"
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED and not fresh:
            yield from self._exchange()
            request.headers["Authorization"] = f"Bearer {self._access}"
            yield request

    def _exchange(self) -> Generator[httpx.Request, httpx.Response, None]:
        response = yield httpx.Request("POST", f"{self._url}{REFRESH}", json={"refresh": self._token})
        if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN, httpx.codes.BAD_REQUEST):
            raise refused(self._url)
        if response.is_error:
            raise SeglensError(f"{self._url}{REFRESH}: {_told(response)}")
        self._access = str(response.json()["access"])


def refused(url: str) -> SeglensError:
    """The error for a token that the server does not take."""
    return SeglensError(
        f"{url}: the token is not taken. Allowed: a personal access token, or a legacy token where the organization "
        "has those enabled; see Account & Settings there (--token or LABEL_STUDIO_API_KEY)"
    )


class Unreachable(SeglensError):
    """The server did not answer: worth another try later."""


class LabelStudio:
    """A server, as one user sees it.

    Args:
        url: such as ``http://localhost:8080``.
        token: a legacy or a personal access token.
    """

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        if not self.url.startswith(("http://", "https://")):
            raise SeglensError(f"--url: found '{url}', expected one that begins with http:// or https://")
        self._http = httpx.Client(base_url=self.url, auth=TokenAuth(token, self.url), timeout=SECONDS)

    def __enter__(self) -> LabelStudio:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def call(self, method: str, path: str, json: Any = None, **query: Any) -> Any:
        """The JSON that the server answers.

        Raises:
            Unreachable: no answer.
            SeglensError: an answer that says no, or is no JSON.
        """
        try:
            response = self._http.request(method, path, params=query or None, json=json)
        except httpx.TransportError as error:
            raise Unreachable(f"{self.url}: no answer ({error or type(error).__name__}); is Label Studio up?") from None
        if response.status_code == httpx.codes.UNAUTHORIZED:
            raise refused(self.url)
        if response.status_code in STARTING:
            raise Unreachable(f"{self.url}: {_told(response)}")
        if response.is_error or response.is_redirect:
            raise SeglensError(f"{method} {self.url}{path}: {_told(response)}")
        try:
            return response.json()
        except ValueError:
            raise SeglensError(f"{method} {self.url}{path}: expected JSON; is {self.url} a Label Studio?") from None

    def pages(self, path: str, key: str, query: Mapping[str, Any], size: int = PAGE) -> Iterator[dict[str, Any]]:
        """Every entry of a list that comes in pages, under ``key`` of each."""
        seen, page = 0, 1
        while True:
            found = self.call("GET", path, **query, page=page, page_size=size)
            entries = found[key]
            yield from entries
            seen, page = seen + len(entries), page + 1
            if not entries or seen >= found.get("total", found.get("count", 0)):
                return

    def people(self) -> Mapping[int, str]:
        """E-mail, or else name, of every user by id; none where this user may not see them."""
        try:
            users = self.call("GET", "/api/users/")
        except Unreachable:
            raise
        except SeglensError:
            return {}
        return {user["id"]: user.get("email") or user.get("username") or f"user {user['id']}" for user in users}


def _told(response: httpx.Response) -> str:
    """What a response that says no gives as its reason, on one line."""
    if response.is_redirect:
        return f"it leads on to {response.headers.get('location')}: give that address as --url"
    try:
        found = response.json()
    except ValueError:
        return f"HTTP {response.status_code} {response.reason_phrase}"
    said = found.get("validation_errors") or found.get("detail") if isinstance(found, dict) else None
    lines = [str(line) for line in _leaves(said or found)]
    return f"HTTP {response.status_code}: {' '.join(' '.join(lines).split())[:600]}"


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    elif value is not None:
        yield value
