"""What no page of ours sends is refused in a sentence; nothing is lost and nothing falls over."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from served import make_run, page, stored

from seglens.store import Repository
from seglens.web.guard import MOST_BYTES


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("hostile"), "dense")


@pytest.fixture
def client(run: Path) -> Iterator[TestClient]:
    """A client that has a draft at revision 5, and afterwards still has it, and nothing else was stored."""
    before = dump(run)
    with page(run) as found:
        found.post("/api/claim", json={"query": "q00"})
        found.put("/api/questions/q00/draft", json={"revision": 5, "strokes": ["kept"]})
        yield found
        kept = found.post("/api/claim", json={"query": "q00"}).json()["draft"]
    assert (kept["revision"], kept["strokes"]) == (5, ["kept"])
    assert dump(run) == before
    assert not stored(run)


def dump(run: Path) -> str:
    repo = Repository.of_run(run)
    try:
        return repo.dump()
    finally:
        repo.close()


def refused(response: Any, status: int, said: str) -> None:
    assert response.status_code == status, response.text
    assert said in response.json()["error"]


@pytest.mark.parametrize(
    "image",
    [
        "../../../etc/passwd",
        "..%2F..%2Fseglens.db",
        "/etc/passwd",
        "pool/../../config",
        "a\x00b",
        "\udce4",
        "",
        "x" * 900,
    ],
)
def test_an_image_is_looked_up_in_a_list_never_on_the_disk(client: TestClient, image: str) -> None:
    for path in ("picture", "ids", "thumb", "layer", "neighbours"):
        more = {"thumb": {"box": "0,0,8,8"}, "layer": {"name": "labels"}}.get(path, {})
        given = {"image": image.encode("utf-8", "surrogateescape"), **more}
        refused(client.get(f"/api/{path}", params=given), 404, "none of this run's")


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/..%2fapp.py", "/static/%2e%2e/%2e%2e/config.py", "/x"])
def test_files_beyond_the_page_are_not_given_out(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


ONE = [[3, [[0, 4]]]]


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        ([[3, [[0, 33]]]], "outside the region"),
        ([[3, [[10**9, 4]]]], "outside an image of 64 x 96"),
        ([[3, [[0, 10**11]]]], "outside an image"),
        ([[3, [[6140, 8]]]], "outside an image"),
        ([[19, [[0, 4]]]], "class 19; allowed: 0 to 18"),
        ([[256, [[0, 4]]]], "mask.runs_by_class"),
        ([[-1, [[0, 4]]]], "mask.runs_by_class"),
        ([[3, [[0, 4], [2, 4]]]], "two runs cover one pixel"),
        ([[3, [[0, 4]]], [4, [[3, 1]]]], "two runs cover one pixel"),
        ([[3, [[0, 32]] * 33]], "runs overlap or leave the region"),
        ([[3, [[0, 0]]]], "mask.runs_by_class"),
        ([[3, [[0, -4]]]], "mask.runs_by_class"),
        ([[3, [[0.5, 4]]]], "mask.runs_by_class"),
        ([[3, [["0'; drop table answers", 4]]]], "mask.runs_by_class"),
        ([[3, [[0, 4, 4]]]], "mask.runs_by_class"),
        ("iVBORw0KGgo", "mask.runs_by_class"),
    ],
)
def test_a_mask_that_does_not_fit_stores_nothing(client: TestClient, mask: Any, said: str) -> None:
    body = {"mask": {"runs_by_class": mask}, "revision": 6}
    refused(client.post("/api/questions/q00/answer", json=body), 422, said)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"classes": [3], "revision": 6}, "is answered with a mask"),
        ({"revision": 6}, "is answered with a mask"),
        ({"mask": {"runs_by_class": ONE}, "revision": 0}, "revision"),
        ({"mask": {"runs_by_class": ONE}, "revision": 10**400}, "revision"),
        ({"mask": {"runs_by_class": ONE}, "revision": 6, "seconds": -1}, "seconds"),
        ({"mask": {"runs_by_class": ONE}, "revision": 6, "seconds": 1e300}, "seconds"),
        ({"mask": {"runs_by_class": ONE}, "revision": 6, "annotator": "somebody else"}, "annotator"),
        ({"status": "expired", "revision": 6}, "is nothing a person says"),
        ({"status": "done", "revision": 6}, "status"),
        ([], "body"),
        ("x", "body"),
    ],
)
def test_an_answer_that_is_none_stores_nothing(client: TestClient, body: Any, said: str) -> None:
    refused(client.post("/api/questions/q00/answer", json=body), 422, said)


def test_replayed_and_out_of_order_saves_change_nothing(client: TestClient) -> None:
    for revision in (5, 4, 1):
        response = client.put("/api/questions/q00/draft", json={"revision": revision, "strokes": ["older"]})
        refused(response, 409, "5 is stored")
        assert response.json()["revision"] == 5
    answer = {"mask": {"runs_by_class": ONE}, "revision": 4}
    refused(client.post("/api/questions/q00/answer", json=answer), 409, "5 is stored")


def raw(body: bytes | str) -> dict[str, Any]:
    return {"content": body}


@pytest.mark.parametrize(
    "strokes",
    [
        "[" * 100 + "]" * 100,
        "[" * 100_000 + "]" * 100_000,
        '{"a":' * 90_000 + "1" + "}" * 90_000,
        "NaN",
        "1e999",
        "9" * 5000,
        '{"a": 1',
        "\x00",
    ],
)
def test_bombs_of_json_are_refused(client: TestClient, strokes: str) -> None:
    response = client.put("/api/questions/q00/draft", **raw('{"revision": 6, "strokes": ' + strokes + "}"))
    assert response.status_code in (400, 422)
    assert response.json()["error"]


def test_half_characters_travel_both_ways(run: Path) -> None:
    """What JavaScript makes of a cut emoji is no text, but it is no reason to fail either."""
    with page(run) as client:
        client.post("/api/claim", json={"query": "q07"})
        saved = client.put("/api/questions/q07/draft", **raw('{"revision": 1, "strokes": ["\\ud83d"]}'))
        assert saved.status_code in (200, 422)
        assert client.post("/api/claim", json={"query": "q07"}).status_code == 200
        assert client.post("/api/claim", **raw('{"query": "\\ud83d"}')).status_code in (404, 422)


def test_a_body_that_is_too_large_is_not_read(client: TestClient) -> None:
    large = json.dumps({"revision": 6, "strokes": ["x" * MOST_BYTES]})
    refused(client.put("/api/questions/q00/draft", **raw(large)), 413, "larger than 32 MB")

    def pieces() -> Iterator[bytes]:
        for _ in range(34):
            yield b" " * 1024 * 1024

    refused(client.put("/api/questions/q00/draft", content=pieces()), 413, "larger than 32 MB")
    names = json.dumps({"query": "x" * 2 * 1024 * 1024})
    refused(client.post("/api/claim", **raw(names)), 413, "larger than 2 MB")  # a name and no mask


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:9"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"X-Seglens": "form"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": ""}, 403),
    ],
)
def test_other_sites_can_change_nothing(client: TestClient, headers: dict[str, str], status: int) -> None:
    for method, path in (("PUT", "/api/questions/q00/draft"), ("POST", "/api/round"), ("POST", "/api/logout")):
        response = client.request(method, path, content=b'{"revision": 6}', headers=headers)
        assert response.status_code == status, response.text
        assert response.json()["error"]


def test_pictures_are_not_taken_at_all(client: TestClient) -> None:
    """Two gigapixels of nothing are a few bytes of PNG; whatever it is called, nobody decodes it."""
    size = struct.pack(">II", 65_536, 32_768)
    head = b"IHDR" + size + b"\x08\x00\x00\x00\x00"
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    for kind, status in (("image/png", 415), ("multipart/form-data", 415), ("application/json", 422)):
        response = client.put("/api/questions/q00/draft", content=bomb, headers={"Content-Type": kind})
        assert response.status_code in (status, 400), response.text


def test_a_foreign_host_sees_nothing_either(client: TestClient) -> None:
    refused(client.get("/api/run", headers={"Host": "rebound.example:8712"}), 403, "answers to")


def test_what_is_not_there_is_said_in_json(client: TestClient) -> None:
    for method, path, status in (
        ("GET", "/api/nothing", 404),
        ("DELETE", "/api/run", 405),
        ("GET", "/api/questions/" + "q" * 70, 422),
        ("GET", "/api/questions/q99", 404),
        ("POST", "/api/review/q00", 422),
        ("GET", "/api/answers?before=99999999999999999999", 422),
        ("GET", "/api/answers?limit=0", 422),
        ("GET", "/api/ids?image=pool/0000_00&scale=tiny", 422),
        ("GET", "/api/layer?image=pool/0000_00&name=secrets", 422),
        ("GET", "/api/thumb?image=pool/0000_00&box=0,0,9999,9999", 422),
        ("GET", "/api/thumb?image=pool/0000_00&box=0,0,8,8&size=100000", 422),
        ("GET", "/api/thumb?image=pool/0000_00&box=" + "9" * 60, 422),
    ):
        response = client.request(method, path, **({"content": b"{}"} if method in ("POST", "DELETE") else {}))
        assert response.status_code == status, (path, response.text)
        assert response.json()["error"]


def test_a_socket_that_talks_nonsense_does_no_harm(run: Path) -> None:
    """Against a real server: no HTTP, a header of a megabyte, a body that never comes."""
    from living import Server

    with Server(run, "--no-train") as server:
        for nonsense in (
            b"\x89PNG\r\n\x1a\n" * 1000,
            b"GET / HTTP/1.1\r\nX: " + b"a" * 1_000_000,
            b"POST /api/claim HTTP/1.1\r\n",
        ):
            one = socket.create_connection(("127.0.0.1", server.port), timeout=5)
            with one, contextlib.suppress(OSError):
                one.sendall(nonsense)
        assert server.get("/api/me").status_code == 200
