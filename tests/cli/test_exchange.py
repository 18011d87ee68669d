"""``export`` and ``import`` on a run that people answer: out to another tool, and back as answers."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from tiny import tiny
from typer.testing import CliRunner

from seglens.bridges import Album, export_masks, read_masks
from seglens.cli import app
from seglens.data import open_data, open_labels
from seglens.functional.run_lengths import indices
from seglens.loop import State, create, drive, load_config
from seglens.store import LabelFiles, Repository
from seglens.types import IGNORE, Provenance, SeglensError


def call(*words):
    result = CliRunner().invoke(app, [*map(str, words)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def told(*words):
    return json.loads(call(*words, "--json").splitlines()[-1])


@pytest.fixture(scope="module")
def waiting(tmp_path_factory):
    """A run whose first questions wait, and the folder of the truth as CVAT would write it."""
    root = tmp_path_factory.mktemp("exchange")
    create(root / "run", tiny(root, ask="human", rounds=2))
    assert drive(root / "run").state is State.AWAITING
    data = load_config(root / "run").data
    album, labels = Album(open_data(data)), open_labels(data)
    export_masks(root / "cvat", "cvat", album, album.data.ids, labels.label)
    return root, album, labels


@pytest.fixture(scope="module")
def trained(waiting):
    """The same run after masks were imported and a model was trained on them."""
    root, album, labels = waiting
    run = root / "run"
    repo = Repository.of_run(run)
    asked = repo.open_queries()
    images = {query.image for query in asked}
    dry = told("import", run, "cvat", root / "cvat", "--annotator", "ana", "--dry-run")
    assert (dry["dry_run"], dry["stored"], dry["open"]) == (True, 0, len(asked))
    assert len(repo.open_queries()) == len(asked)
    done = told("import", run, "cvat", root / "cvat" / "annotations.xml", "--annotator", "ana")
    assert done | {"dry_run": True, "stored": 0, "open": len(asked), "from": dry["from"]} == dry
    assert done["stored"] + done["open"] == len(asked)
    assert done["images"] == len(album.data.ids)
    assert set(done["without_question"]) == set(album.data.ids) - images
    assert done["kinds"] == {"dominant-class": done["stored"]}
    assert done["left"] == ({"unlabelled": done["open"]} if done["open"] else {})
    again = told("import", run, "cvat", root / "cvat", "--annotator", "ana")
    assert (again["stored"], again["open"]) == (0, done["open"])
    assert [event.data["answers"] for event in repo.events("imported")] == [done["stored"], 0]
    for query in repo.open_queries():  # own car and the like: void, for a person to say
        void = labels.label(query.image).ravel()[indices(query.region.runs)] == IGNORE
        assert void.mean() > 0.1
        told_void = {"query": query.id, "status": "void", "annotator": "ana"}
        (root / "void.jsonl").write_text(json.dumps(told_void))
        call("answer", run, root / "void.jsonl")
    assert drive(run).state is State.AWAITING
    assert (run / "rounds" / "000" / "model.pt").exists()
    repo.close()
    return run


def test_answers_are_the_majority_of_each_region_by_a_person(waiting, trained):
    _, _, labels = waiting
    repo = Repository.of_run(trained)
    answered = [pair for pair in repo.answered() if pair.answer.classes]
    repo.close()
    assert answered
    for pair in answered:
        truth = labels.label(pair.query.image).ravel()[indices(pair.query.region.runs)]
        counts = np.bincount(truth[truth != IGNORE])
        assert counts[pair.answer.classes[0]] == counts.max()
        assert (pair.answer.provenance, pair.answer.annotator) == (Provenance.PERSON, "ana")
        assert pair.answer.cost.clicks == 1


@pytest.mark.parametrize("words", [[], ["--no-images"]])
def test_labels_are_exported_as_they_are_stored(waiting, trained, tmp_path, words):
    _, album, _ = waiting
    files = LabelFiles(trained)
    done = told("export", trained, "coco", tmp_path / "out", *words)
    found = dict(read_masks(tmp_path / "out", "coco", album))
    assert set(found) == set(files.ids())
    for id, mask in found.items():
        assert np.array_equal(mask, files.read(id).label)
    assert done["images"] == len(found)
    assert done["labelled_pixels"] == sum(int((mask != IGNORE).sum()) for mask in found.values()) > 0
    pictures = list((tmp_path / "out" / "images").rglob("*.png"))
    assert len(pictures) == (0 if words else len(found))
    with pytest.raises(SeglensError, match="is not an empty folder"):
        call("export", trained, "coco", tmp_path / "out")


def test_predictions_are_those_of_predict(waiting, trained, tmp_path):
    _, album, _ = waiting
    done = told("export", trained, "cityscapes", tmp_path / "out", "--predictions")
    assert (done["what"], done["images"]) == ("predictions", len(album.data.ids))
    found = dict(read_masks(tmp_path / "out", "cityscapes", album))
    (tmp_path / "images").mkdir()
    for number, id in enumerate(album.data.ids):
        Image.fromarray(album.data.image(id)).save(tmp_path / "images" / f"{number}.png")
    call("predict", tmp_path / "images", "--run", trained, "--out", tmp_path / "predictions")
    for number, id in enumerate(album.data.ids):
        with Image.open(tmp_path / "predictions" / "masks" / f"{number}.png") as file:
            assert np.array_equal(found[id], np.asarray(file))


def test_asked_images_alone_to_draw_on(waiting, trained, tmp_path):
    _, album, _ = waiting
    repo = Repository.of_run(trained)
    asked = {query.image for query in repo.open_queries()}
    repo.close()
    assert asked
    assert told("export", trained, "cvat", tmp_path / "labels", "--asked")["images"] == len(asked)
    assert set(dict(read_masks(tmp_path / "labels", "cvat", album))) == asked
    told("export", trained, "cvat", tmp_path / "predicted", "--asked", "--predictions")
    drawn = dict(read_masks(tmp_path / "predicted", "cvat", album))
    assert set(drawn) == asked
    assert all((mask != IGNORE).all() for mask in drawn.values())


def test_a_damaged_file_stores_nothing(waiting, trained, tmp_path):
    root, _, _ = waiting
    repo = Repository.of_run(trained)
    before = repo.dump(), len(repo.events())
    text = (root / "cvat" / "annotations.xml").read_text()
    (tmp_path / "cut.xml").write_text(text[: len(text) * 9 // 10])
    (tmp_path / "class.xml").write_text(text[::-1].replace('"daor"=lebal', '"daorr"=lebal', 1)[::-1])  # the last one
    for name, words in (("cut", "damaged XML"), ("class", "unknown class 'rroad'. Allowed: road, sidewalk")):
        with pytest.raises(SeglensError, match=words):
            call("import", trained, "cvat", tmp_path / f"{name}.xml")
    with pytest.raises(SeglensError, match="unknown format 'cvatt'"):
        call("import", trained, "cvatt", tmp_path)
    assert (repo.dump(), len(repo.events())) == before
    repo.close()


def test_link_and_no_images_exclude_each_other(trained, tmp_path):
    with pytest.raises(SeglensError, match="--link and --no-images exclude each other"):
        call("export", trained, "cvat", tmp_path / "out", "--link", "--no-images")


def test_words_for_people(waiting, trained):
    root, _, _ = waiting
    said = call("import", trained, "cvat", root / "cvat", "--dry-run", "--share", "1")
    assert "6 masks read: " in said
    assert "questions would be answered" in said


def test_a_run_without_labels_or_model_says_so(tmp_path):
    create(tmp_path / "run", tiny(tmp_path, ask="human"))
    with pytest.raises(SeglensError, match="no image is labelled yet"):
        call("export", tmp_path / "run", "cvat", tmp_path / "out")
    with pytest.raises(SeglensError, match="no image has an open question"):
        call("export", tmp_path / "run", "cvat", tmp_path / "out", "--asked")
    with pytest.raises(SeglensError, match="no trained model in it yet"):
        call("export", tmp_path / "run", "cvat", tmp_path / "out", "--predictions")
    assert not (tmp_path / "out").exists()


def test_the_model_goes_out_as_onnx(waiting, trained, tmp_path):
    run = waiting[0] / "run"
    file = tmp_path / "model.onnx"
    found = told("export-model", run, file)
    assert (found["out"], found["bytes"], found["images"]) == (str(file), file.stat().st_size, 4)
    assert found["difference"] < 1e-4
    assert "of the pixels" in call("export-model", run, file, "--force").replace("\n", " ")
    with pytest.raises(SeglensError, match="it is there already; --force"):
        call("export-model", run, file)
    with pytest.raises(SeglensError, match=r"model\.pt: the file's name has to end in \.onnx"):
        call("export-model", run, tmp_path / "model.pt")
