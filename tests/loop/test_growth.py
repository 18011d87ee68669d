"""Images that come while a run goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from PIL import Image
from tiny import tiny
from typer.testing import CliRunner

from seglens.cli import app
from seglens.data.streets import Streets
from seglens.loop import State, Workbench, add_images, create, drive, load_config, retrain
from seglens.store import Repository
from seglens.store.pool import Pool
from seglens.types import Purpose, SeglensError

PARAMS = Streets.Params(split="pool", images=9, size=(64, 96))


def put(folder: Path, names: str) -> None:
    """Images and masks, one for each letter."""
    scenes, truth = Streets(PARAMS), Streets.labels(PARAMS)
    for name in names:
        id = scenes.ids["abcdefghi".index(name)]
        for kind, pixels in (("images", scenes.image(id)), ("masks", truth.label(id))):
            (folder / kind).mkdir(exist_ok=True, parents=True)
            Image.fromarray(pixels).save(folder / kind / f"{name}.png")
    (folder / "classes.yaml").write_text(yaml.safe_dump({"names": list(scenes.classes.names), "ignore": [255]}))


def begun(tmp_path: Path, until: str) -> Path:
    """A run on five images, stopped in the middle."""
    put(tmp_path / "data", "defgh")
    data = {"name": "folder", **{kind: str(tmp_path / "data" / kind) for kind in ("images", "masks")}}
    data["classes"] = str(tmp_path / "data" / "classes.yaml")
    run = tmp_path / "run"
    create(
        run,
        tiny(
            tmp_path,
            rounds=2,
            data=data,
            audit_set={"images": 1},
            budget={"unit": "clicks", "initial": 20, "per_round": 40},
        ),
    )

    def stop(what: str, _done: int, _total: int) -> None:
        if what == until:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drive(run, stop)
    return run


def test_the_next_round_asks_about_them_and_nothing_else_changes(tmp_path: Path) -> None:
    run = begun(tmp_path, "round 0: settle")
    held = Workbench(load_config(run), run).audit_set
    put(tmp_path / "data", "abci")
    with pytest.raises(SeglensError, match=r"the pool is not the one .* take up new images with `seglens add-images"):
        drive(run)
    shown = CliRunner().invoke(app, ["add-images", str(run)])
    assert shown.exit_code == 0, shown.output
    assert "4 new images" in shown.stdout
    assert add_images(run) == 0
    assert drive(run).state is State.FINISHED
    repo = Repository.of_run(run)
    assert {query.image for query in repo.queries(0)} <= set("defgh")
    assert {query.image for query in repo.queries(1)} & set("abci")
    assert {query.image for query in repo.queries(purpose=Purpose.AUDIT)} == set(held)
    assert [image.position for image in Pool(repo).images()] == list(range(8))
    assert [image.id for image in Pool(repo).images()][4:] == list("abci")
    repo.close()
    assert Workbench(load_config(run), run).audit_set == held
    retrain(run, tmp_path / "again", load_config(run))
    assert drive(tmp_path / "again").state is State.FINISHED
    assert Workbench(load_config(run), tmp_path / "again").audit_set == held


def test_a_round_that_chooses_and_images_that_are_gone_are_refused(tmp_path: Path) -> None:
    run = begun(tmp_path, "round 1: pick")
    put(tmp_path / "data", "a")
    with pytest.raises(SeglensError, match="round 1 is choosing among the images it had; take the new ones out"):
        add_images(run)
    (tmp_path / "data" / "images" / "a.png").unlink()
    assert drive(run).state is State.FINISHED
    (tmp_path / "data" / "images" / "f.png").unlink()
    put(tmp_path / "data", "a")
    with pytest.raises(SeglensError, match=r"1 of its images are gone from the data, such as 'f'"):
        add_images(run)
