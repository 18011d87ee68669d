"""What a request must be before anything looks at it: its host, where it comes from, its size."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seglens.web.refusal import refuse

MOST_BYTES = 32 * 1024 * 1024
"""A draft of a detailed mask over 12 megapixels, with its strokes, is a third of it."""
SMALL_BYTES = 2 * 1024 * 1024
"""Of everything that carries no mask, and of whoever is not logged in."""
WITH_MASK = ("/draft", "/answer")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""What the page may load: its own files."""


class Guard:
    """Refuses what no page of ours sends, before it reaches the API.

    Args:
        app: what is guarded.
        hosts: names the server answers to, without the port; None = any (with accounts, beyond loopback).
        known: whether a request shows who sends it; of others no more than ``SMALL_BYTES`` is read.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: Iterable[str] | None = LOOPBACK,
        known: Callable[[Request], bool] = lambda _request: True,
    ) -> None:
        self.app, self.known = app, known
        self.hosts = frozenset(hosts) if hosts is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        said = self._wrong(scope["method"], headers)
        if said is None and scope["method"] not in SAFE:
            most = _most(str(scope["path"])) if self.known(Request(scope)) else min(SMALL_BYTES, MOST_BYTES)
            body = await _body(headers, receive, most)
            if body is None:
                said = 413, f"The body is larger than {most // 1024 // 1024} MB; nothing was stored."
            else:
                receive = _replay(body, receive)
        if said is not None:
            await refuse(*said)(scope, receive, _with_headers(send))
            return
        await self.app(scope, receive, _with_headers(send))

    def _wrong(self, method: str, headers: Headers) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if self.hosts is not None and _name(host) not in self.hosts:
            return 403, f"Host: found '{_shown(host)}'; this server answers to {', '.join(sorted(self.hosts))} alone."
        if method in SAFE:
            return None
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return 415, "Content-Type: what changes something is sent as application/json."
        if headers.get("x-seglens") != "page":
            return (
                403,
                "X-Seglens: a request that changes something says 'page' there, so that no other site can send it.",
            )
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return 403, f"Origin: found '{_shown(origin)}'; only the page of this server may change something."
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return 403, "Sec-Fetch-Site: only the page of this server may change something."
        return None


def _name(host: str) -> str:
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdigit() else host.lower()


def _shown(text: str) -> str:
    return text[:80].encode("ascii", "replace").decode()


def _most(path: str) -> int:
    with_mask = path.endswith(WITH_MASK) or path.startswith("/api/review/")
    return MOST_BYTES if with_mask else min(SMALL_BYTES, MOST_BYTES)


async def _body(headers: Headers, receive: Receive, most: int) -> bytes | None:
    """The whole body; None where it is too large, of which no more is read than shows that."""
    length = headers.get("content-length", "0")
    if length.isdigit() and int(length[:12]) > most:
        return None
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("Content-Security-Policy", POLICY)
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
            headers["Cross-Origin-Opener-Policy"] = "same-origin"
            headers["Referrer-Policy"] = "no-referrer"
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return sent
