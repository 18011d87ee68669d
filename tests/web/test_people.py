"""Several people: accounts, roles, tokens, questions asked twice, review."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from served import PAGE, URL, at, make_run, page, stored
from typer.testing import CliRunner

from seglens.cli import app
from seglens.cli.annotate import is_loopback
from seglens.store import Repository
from seglens.store.people import People, Role
from seglens.types import SeglensError

ASK = {"name": "human", "overlap": 0.5, "agree": 0.9}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path, ask=ASK)


@pytest.fixture
def tokens(run: Path) -> dict[str, str]:
    people = People(Repository.of_run(run))
    roles = {"ana": Role.ANNOTATOR, "ben": Role.ANNOTATOR, "rea": Role.REVIEWER, "olu": Role.OWNER}
    for name, role in roles.items():
        people.add(name, role, f"{name}'s password")
    found = {name: people.token(name) for name in roles}
    people.repo.close()
    return found


@pytest.fixture
def client(run: Path, tokens: dict[str, str]) -> Iterator[TestClient]:
    with page(run) as found:
        yield found


def twice(run: Path) -> list[str]:
    with sqlite3.connect(run / "seglens.db") as db:
        return [row[0] for row in db.execute("select query_id from overlaps order by query_id")]


def test_nobody_is_let_in_without_saying_who(client: TestClient, tokens: dict[str, str]) -> None:
    for method, path in (("GET", "/api/run"), ("GET", "/api/picture?image=pool/0000_00"), ("POST", "/api/claim")):
        body = {"content": b"{}"} if method == "POST" else {}
        refused = client.request(method, path, **body)
        assert (refused.status_code, "error" in refused.json()) == (401, True)
    large = b'{"strokes": ["' + b"x" * 3 * 1024 * 1024 + b'"]}'
    for headers, status in (({}, 413), ({"Authorization": f"Bearer {tokens['ana']}"}, 422)):  # unread, and read
        sent = client.put("/api/questions/q00/draft", content=large, headers=headers)
        assert sent.status_code == status
    for forged in ("x", tokens["ana"][:-1], tokens["ana"] + "x", tokens["ana"].swapcase(), "' or 1=1 --", "é"):
        headers = {"Authorization": f"Bearer {forged}".encode()}
        assert client.get("/api/me", headers=headers).status_code == 401
        assert client.get("/api/me", headers={"Cookie": f"seglens={forged}".encode()}).status_code == 401
    me = client.get("/api/me", headers=at("a", tokens["rea"])).json()
    assert me == {"name": "rea", "role": "reviewer", "accounts": True}


def test_a_session_begins_with_a_password_and_ends(run: Path, client: TestClient) -> None:
    good = client.post("/api/login", json={"name": "ana", "password": "ana's password"})
    assert good.status_code == 200
    cookie = good.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert client.get("/api/me").json()["name"] == "ana"
    token = client.cookies["seglens"]
    assert client.post("/api/logout", json={}).status_code == 200
    client.cookies.set("seglens", token)
    assert client.get("/api/me").status_code == 401
    kept = (run / "seglens.db").read_bytes() + b"".join(p.read_bytes() for p in run.glob("seglens.db-wal"))
    assert token.encode() not in kept
    assert b"ana's password" not in kept


def test_failed_logins_are_slowed_down(client: TestClient) -> None:
    said = [client.post("/api/login", json={"name": "ana", "password": f"wrong {n}"}).status_code for n in range(5)]
    assert said == [401] * 5
    waiting = client.post("/api/login", json={"name": "ana", "password": "ana's password"})
    assert (waiting.status_code, int(waiting.headers["retry-after"]) >= 1) == (429, True)


def test_roles_allow_what_they_say(client: TestClient, tokens: dict[str, str]) -> None:
    calls = {"/api/review": ("rea", "olu"), "/api/doubts": ("rea", "olu"), "/api/people": ("olu",)}
    for path, allowed in calls.items():
        for name, token in tokens.items():
            assert client.get(path, headers=at("d", token)).status_code == (200 if name in allowed else 403)
    new = {"name": "new", "role": "annotator", "password": "long enough"}
    assert client.post("/api/people", json=new, headers=at("d", tokens["rea"])).status_code == 403
    assert client.post("/api/people", json=new, headers=at("d", tokens["olu"])).status_code == 200
    assert client.post("/api/people", json=new, headers=at("d", tokens["olu"])).status_code == 422
    assert client.post("/api/round", json={}, headers=at("d", tokens["ana"])).status_code == 403
    waits = client.post("/api/round", json={}, headers=at("d", tokens["olu"]))
    assert (waits.status_code, "0 of 18 answers" in waits.json()["error"]) == (409, True)


def test_a_person_sees_and_changes_no_other_persons_answer(
    client: TestClient, tokens: dict[str, str], run: Path
) -> None:
    once = next(f"q{n:02d}" for n in range(18) if f"q{n:02d}" not in twice(run))
    url = f"/api/questions/{once}"
    assert client.post(f"{url}/answer", json={"classes": [3]}, headers=at("a", tokens["ana"])).status_code == 200
    changed = client.post(f"{url}/answer", json={"classes": [4], "revision": 9}, headers=at("b", tokens["ben"]))
    assert changed.status_code == 409
    assert client.get(url, headers=at("b", tokens["ben"])).status_code == 403
    assert client.get("/api/answers", headers=at("b", tokens["ben"])).json() == []
    assert stored(run)[once].answer.classes == (3,)


def test_some_questions_go_to_two_people_and_disagreement_to_a_reviewer(
    run: Path, client: TestClient, tokens: dict[str, str]
) -> None:
    asked = twice(run)
    assert len(asked) == 9
    seen: dict[str, list[str]] = {"ana": [], "ben": []}
    for name, classes in (("ana", 3), ("ben", 4)):
        while (found := client.post("/api/claim", json={}, headers=at(name, tokens[name]))).status_code == 200:
            id = found.json()["id"]
            agrees = name == "ben" and int(id[1:]) % 2
            body = {"classes": [3 if agrees else classes], "seconds": 1}
            client.post(f"/api/questions/{id}/answer", json=body, headers=at(name, tokens[name]))
            seen[name].append(id)
            if name == "ana" and len(seen["ana"]) == 9:
                status = client.get("/api/status", headers=at("a", tokens["ana"])).json()
                assert status["questions"]["answered"] == len(set(seen["ana"]) - set(asked))
    assert seen["ana"] == [f"q{n:02d}" for n in range(18)]
    assert seen["ben"] == asked
    disputed = [id for id in asked if not int(id[1:]) % 2]
    held = stored(run)
    assert set(held) == set(seen["ana"]) - set(disputed)
    status = client.get("/api/status", headers=at("a", tokens["ana"])).json()
    assert status["agreement"]["asked_twice"] == 9
    assert status["agreement"]["agreeing"] == 9 - len(disputed)
    assert status["agreement"]["review"] == len(disputed)
    assert -1 <= status["agreement"]["kappa"] < 1
    assert status["questions"]["open"] == len(disputed)

    due = client.get("/api/review", headers=at("r", tokens["rea"])).json()
    assert [line["id"] for line in due] == disputed
    assert [(a["annotator"], a["classes"]) for a in due[0]["answers"]] == [("ana", [3]), ("ben", [4])]
    bad = client.post(f"/api/review/{disputed[0]}", json={"annotator": "olu"}, headers=at("r", tokens["rea"]))
    assert bad.status_code == 404
    for place, id in enumerate(disputed):
        body = {"annotator": "ben"} if place else {"answer": {"classes": [7], "seconds": 2}}
        assert client.post(f"/api/review/{id}", json=body, headers=at("r", tokens["rea"])).status_code == 200
    assert client.get("/api/review", headers=at("r", tokens["rea"])).json() == []
    found = stored(run)
    assert len(found) == 18
    assert found[disputed[0]].answer.classes == (7,)
    assert all(found[id].answer.classes == (4,) for id in disputed[1:])
    late = client.post(
        f"/api/questions/{disputed[0]}/answer", json={"classes": [1], "revision": 9}, headers=at("a", tokens["ana"])
    )
    assert (late.status_code, "review" in late.json()["error"]) == (409, True)
    people = {line["name"]: line for line in client.get("/api/people", headers=at("o", tokens["olu"])).json()}
    assert people["ana"]["answered"] == 18
    assert people["ben"]["agreement"] == pytest.approx((9 - len(disputed)) / 9)
    repo = Repository.of_run(run)
    assert repo.standing(0) == (18, 0)
    assert repo.spent().clicks == 0
    assert repo.spent().seconds == 18 + 9 + 2  # both answers and the review are paid
    repo.close()


def test_drawn_answers_agree_by_their_pixels(tmp_path: Path) -> None:
    run = make_run(tmp_path, "dense", {**ASK, "overlap": 1.0}, count=2)
    people = People(Repository.of_run(run))
    for name in ("ana", "ben"):
        people.add(name, Role.ANNOTATOR, None)
    tokens = {name: people.token(name) for name in ("ana", "ben")}
    people.repo.close()
    with page(run) as client:
        for id, length in (("q00", 4), ("q01", 20)):
            for name, value in (("ana", 3), ("ben", 5)):
                first = client.post("/api/claim", json={"query": id}, headers=at(name, tokens[name])).json()
                runs = first["region"]["runs"]
                start = runs[0][0]
                other = [[start + length, 32 - length], *runs[1:]] if id == "q00" else [*runs[length:]]
                mine = [[start, length]] if id == "q00" else runs[:length]
                body = {"mask": {"runs_by_class": [[3, other], [value, mine]]}}
                done = client.post(f"/api/questions/{id}/answer", json=body, headers=at(name, tokens[name]))
                assert done.status_code == 200, done.text
        assert client.get("/api/status", headers=at("a", tokens["ana"])).json()["agreement"]["agreeing"] == 1
    assert set(stored(run)) == {"q00"}  # 4 of 1024 pixels differ; of q01 it is 640


def test_the_command_line_keeps_the_accounts(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    secret = tmp_path / "secret"
    secret.write_text("a good password\n")
    shell = CliRunner()
    first = shell.invoke(app, ["people", "add", str(run), "first", "--token"])
    assert "no owner yet" in first.stderr
    assert shell.invoke(app, ["people", "remove", str(run), "first"]).exit_code == 0
    added = shell.invoke(app, ["people", "add", str(run), "ana", "--role", "owner", "--password-file", str(secret)])
    assert added.exit_code == 0, added.output
    assert "no owner" not in added.stderr
    assert shell.invoke(app, ["people", "add", str(run), "bot", "--token"]).exit_code == 0
    listed = shell.invoke(app, ["people", "list", str(run), "--json"])
    assert '{"name": "ana", "role": "owner"}' in listed.stdout
    with page(run) as client:
        assert client.post("/api/login", json={"name": "ana", "password": "a good password"}).status_code == 200
        assert client.post("/api/login", json={"name": "bot", "password": "anything"}).status_code == 401
    assert shell.invoke(app, ["people", "remove", str(run), "bot"]).exit_code == 0
    for words in (
        ["remove", str(run), "bot"],
        ["add", str(run), "ana", "--token"],
        ["add", str(run), "a b", "--token"],
    ):
        assert isinstance(shell.invoke(app, ["people", *words]).exception, SeglensError)
    secret.write_text("short\n")
    short = shell.invoke(app, ["people", "add", str(run), "eve", "--password-file", str(secret)])
    assert "8 or more" in str(short.exception)


def test_beyond_this_machine_accounts_are_needed(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert [is_loopback(h) for h in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "192.168.1.2", "::", "box")] == [
        True, True, True, False, False, False, False,
    ]  # fmt: skip
    refused = CliRunner().invoke(app, ["annotate", str(run), "--host", "0.0.0.0", "--port", "0", "--no-open"])
    assert "has no accounts" in str(refused.exception)
    with page(run, loopback=False) as client:  # and if the last account goes while it runs, nobody is let in
        assert client.get("/api/run").status_code == 401
        assert client.get("/api/run", headers={**PAGE, "Host": URL.removeprefix("http://")}).status_code == 401
