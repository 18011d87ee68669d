"""One command from a folder of images without a mask to the page, a first model and a report."""

from __future__ import annotations

from pathlib import Path

import pytest
from browsing import until
from living import Server
from PIL import Image
from test_live import answer_all
from typer.testing import CliRunner

from seglens.cli import app
from seglens.data.streets import Streets, StreetsParams
from seglens.loop import load_config, model_path
from seglens.types import SeglensError


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mine") / "images"
    folder.mkdir()
    streets = Streets(StreetsParams(split="pool", images=4, size=(64, 96)))
    for number, id in enumerate(streets.ids):
        Image.fromarray(streets.image(id)).save(folder / f"{number}.png")
    return folder


def test_from_a_folder_to_the_page_a_first_model_and_a_report(images: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    options = ["--classes", "road,building,sky,something else", "--run", str(run), "--audit-set", "1"]
    for setting in (
        "rounds=1",
        "train.steps=6",
        "budget.initial=8",
        f"cache.dir={tmp_path / 'cache'}",
        "model.width=32",
    ):
        options += ["--set", setting]
    with Server(images, *options) as server:
        server.run = run
        until(lambda: server.status()["state"] == "awaiting", 180, "the first questions")
        described = server.get("/api/run").json()
        assert [c["name"] for c in described["classes"]] == ["road", "building", "sky", "something else"]
        assert described["goal"] == {"unit": "clicks", "total": 8}
        assert server.status()["questions"]["enough"] == 7  # 80 % of eight: the rest can be answered meanwhile
        said: dict[str, int] = {}
        answer_all(server, 0, said, 4)
        until(lambda: server.status()["state"] == "finished", 180, "the first model")
        assert "something else" in server.get("/api/report").text
        held, point = server.status()["audit_set"], server.status()["curve"][0]["audit"]
        assert (held["images"], held["labelled"], point["images"]) == (1, 1, 1)
        examples = [line["examples"] for line in server.get("/api/guide").json()]
        assert server.get(examples[0][0]).headers["content-type"] == "image/jpeg"
    assert model_path(run, 0).is_file()
    config = load_config(run)
    assert (config.ask.name, config.eval_data, config.model.size) == ("human", None, (64, 96))
    assert config.audit_set.images == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--run", "RUN"], "which classes are there"),
        (["--classes", "one", "--run", "RUN"], "two names or more"),
        (["--classes", "a,b"], "give --run FOLDER"),
        (["--classes", "a,b", "--run", "RUN", "--set", "rouns=3"], "did you mean 'rounds'"),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_left(images: Path, tmp_path: Path, words: list[str], said: str) -> None:
    run = tmp_path / "run"
    given = [str(run) if word == "RUN" else word for word in words]
    result = CliRunner().invoke(app, ["annotate", str(images), "--no-open", "--port", "0", *given])
    assert isinstance(result.exception, SeglensError)
    assert said in str(result.exception)
    assert not run.exists() or not list(run.iterdir())
