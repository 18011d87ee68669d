"""A run asks in Label Studio, is answered there and goes on: the commands, end to end."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import studio
from runs import annotate, tasks
from studio import Studio
from tiny import tiny

from seglens.bridges.label_studio.labelling import Tool
from seglens.bridges.label_studio.masks import mask_of, result_of
from seglens.cli import main
from seglens.data import open_data, open_labels
from seglens.files import read_arrays, read_map
from seglens.functional.native import to_native
from seglens.functional.run_lengths import decode
from seglens.loop import create, drive
from seglens.store import LabelFiles, Repository
from seglens.types import IGNORE, Provenance

SIZE = [65, 97]
STREETS = {"name": "streets", "split": "pool", "images": 3, "size": SIZE}


def run_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> dict[str, Any]:
    """The JSON of a command; the tokens never appear in what it prints."""
    monkeypatch.setattr(sys, "argv", ["seglens", "label-studio", *words, "--json"])
    with pytest.raises(SystemExit) as end:
        main()
    said = capsys.readouterr()
    assert end.value.code in (0, None), said.err
    assert studio.LEGACY not in said.out + said.err
    found: dict[str, Any] = json.loads(said.out.splitlines()[-1])
    return found


@pytest.mark.label_studio
def test_a_run_is_answered_there_and_goes_on(
    server: Studio,
    api: httpx.Client,
    personal: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = tmp_path / "run"
    choices = {"ask": "human", "answer": "dense", "settle": "as-answered", "score": "entropy", "pick": "top"}
    budget = {"unit": "pixels", "initial": 2000, "per_round": 2000}
    config = tiny(tmp_path, data=STREETS, rounds=2, budget=budget, **choices)
    create(run, config)
    drive(run)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", studio.LEGACY)
    monkeypatch.setenv("LABEL_STUDIO_URL", server.url)
    push = ("push", str(run), "--document-root", str(server.root))
    pushed = run_command(capsys, monkeypatch, *push)
    project = pushed["projects"][0]["id"]
    first = tasks(api, project)
    assert pushed["new"] == len(first) > 0
    data, labels = open_data(config.data), open_labels(config.data)
    repo = Repository.of_run(run)
    queries = {query.id: query for query in repo.queries()}

    def answer(task: dict[str, Any]) -> None:
        truth = labels.label(queries[task["data"]["seglens_query"]].image)
        names = data.classes.names
        drawn = [result_of(truth == c, names[c], Tool.BRUSH, f"r{c}") for c in np.unique(truth) if c != IGNORE]
        annotate(api, task["id"], drawn)

    answer(first[0])
    late = threading.Thread(target=lambda: [time.sleep(2), *[answer(task) for task in first[1:]]])
    late.start()
    pulled = run_command(capsys, monkeypatch, "pull", str(run), "--watch", "1", "--token", personal)
    late.join()
    assert pulled["open"] == 0
    assert len(repo.answered()) == len(first)
    drive(run)  # settles, trains, asks again
    for query in queries.values():
        truth = np.where(decode(query.region.runs, query.region.size), labels.label(query.image), IGNORE)
        asked_here = [q for q in queries.values() if q.image == query.image]
        if len(asked_here) == 1:
            settled = LabelFiles(run).read(query.image)
            assert np.array_equal(settled.label, truth)
            assert set(np.unique(settled.provenance)) <= {Provenance.NONE, Provenance.PERSON}
    assert read_map(next((run / "labels").glob("*.png"))).shape == tuple(SIZE)

    # the second round has a model: its prediction and its score map go with the questions
    second = repo.queries(1)
    assert second
    assert run_command(capsys, monkeypatch, *push)["new"] == len(second)
    assert run_command(capsys, monkeypatch, *push) == {
        "projects": pushed["projects"],
        "new": 0,
        "known": len(second),
        "left": 0,
    }
    by_query = {task["data"]["seglens_query"]: task for task in tasks(api, project)}
    for query in second:
        task = by_query[query.id]
        maps = read_arrays(next((run / "rounds" / "001" / "maps").glob(f"*{query.image.split('/')[-1]}.npz")))
        said = to_native(maps["prediction"], query.region.size)
        inside = decode(query.region.runs, query.region.size)
        drawn = np.full(query.region.size, IGNORE, np.uint8)
        for result in task["predictions"][0]["result"]:
            drawn[mask_of(result, query.region.size)] = data.classes.names.index(result["value"]["brushlabels"][0])
        assert np.array_equal(drawn, np.where(inside, said, IGNORE))
        assert task["data"]["map_about"] == "Score (entropy): bright = look here first"
        assert task["data"]["why"].startswith("Why: ")
        assert "margin" in task["data"]["why"]
    scores = {query: task["predictions"][0]["score"] for query, task in by_query.items()}
    order = [scores[query.id] for query in repo.queries()]
    assert order == sorted(order)
    assert len(set(order)) == len(order)
    repo.close()


def test_without_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    create(run, tiny(tmp_path, data=STREETS, ask="human"))
    monkeypatch.delenv("LABEL_STUDIO_API_KEY", raising=False)
    monkeypatch.setattr(sys, "argv", ["seglens", "label-studio", "pull", str(run)])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1
    assert "no token: give --token or set LABEL_STUDIO_API_KEY" in capsys.readouterr().err
