"""Both kinds of token on the real server, and what is said when it says no."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import time

import pytest
import studio
from studio import Studio

from seglens.bridges.label_studio.client import LabelStudio, TokenAuth, Unreachable
from seglens.types import SeglensError


@pytest.mark.label_studio
def test_a_legacy_token_signs(server: Studio) -> None:
    with LabelStudio(server.url + "/", studio.LEGACY) as client:
        assert studio.EMAIL in client.people().values()


def part(value: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def expired(access: str, secret: str) -> str:
    """An access token like ``access`` whose time has passed, signed as the server signs."""
    head, body, signature = access.split(".")

    def signed(text: str) -> str:
        return (
            base64.urlsafe_b64encode(hmac.digest(secret.encode(), text.encode(), hashlib.sha256)).rstrip(b"=").decode()
        )

    assert signed(f"{head}.{body}") == signature
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    old = f"{head}.{part({**claims, 'exp': int(time.time()) - 60})}"
    return f"{old}.{signed(old)}"


@pytest.mark.label_studio
def test_a_personal_token_signs_and_is_renewed_when_its_access_has_expired(server: Studio, personal: str) -> None:
    with LabelStudio(server.url, personal) as client:
        assert studio.EMAIL in client.people().values()
        auth = client._http.auth
        assert isinstance(auth, TokenAuth)
        assert auth.personal
        first = auth._access
        assert first is not None
        client.people()
        assert auth._access == first
        secret = (server.data / ".env").read_text().split("SECRET_KEY=")[1].split("\n")[0].strip("'\"")
        old = auth._access = expired(first, secret)
        assert studio.EMAIL in client.people().values()
        assert auth._access not in (None, old)


@pytest.mark.label_studio
@pytest.mark.parametrize("token", ["f" * 40, f"{part({'alg': 'HS256'})}.{part({'exp': 9})}.c2ln"])
def test_a_token_that_is_not_taken_is_told_and_not_shown(server: Studio, token: str) -> None:
    with LabelStudio(server.url, token) as client, pytest.raises(SeglensError, match="the token is not taken") as error:
        client.call("GET", "/api/projects/")
    assert token not in str(error.value)


def test_what_is_no_token_is_not_sent() -> None:
    with pytest.raises(SeglensError, match="none of a known form") as error:
        LabelStudio("http://127.0.0.1:1", "top secret\n\ttoken")
    assert "secret" not in str(error.value)
    with pytest.raises(SeglensError, match="--url: found 'localhost'"):
        LabelStudio("localhost", "abc")


def test_a_server_that_is_not_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with LabelStudio(url, "abc") as client, pytest.raises(Unreachable, match="no answer"):
        client.call("GET", "/api/projects/")


@pytest.mark.label_studio
def test_what_the_server_says_is_told_on_one_line(server: Studio) -> None:
    with LabelStudio(server.url, studio.LEGACY) as client:
        with pytest.raises(SeglensError, match=r"/api/projects/: HTTP 400: Ensure this field has at least 3 char"):
            client.call("POST", "/api/projects/", json={"title": "a"})
        with pytest.raises(SeglensError, match="HTTP 404: No Project"):
            client.call("GET", "/api/projects/99999/")
        with pytest.raises(SeglensError, match="expected JSON; is http"):
            client.call("GET", "/user/login/")
