"""A small grid from its file to its results: killed and resumed, checked, found done."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from small import SMALL, bench_it, die_in, small, without_times, write
from tiny import finish

from seglens.bench import load_bench, outlook, run_bench, write_results
from seglens.bench.asked import to_csv
from seglens.bench.figures import STAMP
from seglens.bench.found import Found
from seglens.bench.grid import is_done
from seglens.bench.plan import FULL
from seglens.store import Repository
from seglens.types import SeglensError

FEW: dict[str, Any] = {
    "seeds": [0],
    "full": None,
    "rows": [
        {"name": "default", "preset": "default"},
        {"name": "random", "preset": "random-superpixel", "rounds": 1},
    ],
    "reference": "random",
    "curves": None,
    "tables": [{"kind": "cycles"}, {"kind": "bands"}],
    "bands": {"depth": "exact", "count": 2},
}


WHOLE: dict[str, Any] = {
    "rows": [SMALL["rows"][0] | {"name": "de_fault"}, SMALL["rows"][2], SMALL["rows"][3] | {"rounds": 1}],
    "curves": None,
    "tables": [
        *SMALL["tables"],
        *({"kind": kind} for kind in ("summary", "against", "penalty", "rare", "calibration", "queries")),
        {"kind": "prices", "at": [0.01]},
    ],
    "drawings": [{"title": "Two rows", "rows": ["de_fault", "random superpixels"], "lines": ["p90"]}],
    "crops": {"rows": ["de_fault", "random superpixels"], "images": 2, "box": [32, 48], "photos": True},
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished grid and its results in ``out``."""
    folder = tmp_path_factory.mktemp("whole")
    bench_it(write(folder, **WHOLE), folder / "out")
    return folder


def test_every_file_is_written(whole: Path) -> None:
    names = {path.name for path in (whole / "out").iterdir()}
    pictures = {"small.svg", "small-split.svg", "small-two-rows.svg", "small-crops.png"}
    assert names == {"small.json", "small.md", "small.tex", "small.csv"} | pictures
    text = (whole / "out" / "small.md").read_text()
    assert all(f"]({picture})" in text for picture in pictures)
    assert "Seeds of each row. 2: de_fault, random superpixels; 1: full supervision, random images." in text
    found = json.loads((whole / "out" / "small.json").read_text())
    assert found["complete"]
    assert found["command"] == "seglens bench small.yaml"
    assert {row: [run["seed"] for run in runs] for row, runs in found["rows"].items()} == {
        FULL: [0],
        "de_fault": [0, 1],
        "random superpixels": [0, 1],
        "random images": [1],
    }
    last = found["rows"]["de_fault"][1]["rounds"][-1]
    assert last["clicks"] == 24
    assert last["more"]["images_asked"] > 0
    assert last["person_seconds"] > 0
    assert len(last["iou"]) == len(found["classes"]) == 19
    assert {"score", "train", "evaluate"} <= set(last["seconds"])
    assert found["rows"][FULL][0]["rounds"][0]["pixel_share"] > 0.9
    assert found["full_miou"] == found["rows"][FULL][0]["rounds"][0]["miou"]
    assert found["rows"]["de_fault"][0]["threads"] == [1]
    assert set(found["queries"]) == {"de_fault", "random superpixels", "random images"}
    assert "Small & quick" in (whole / "out" / "small.md").read_text()
    assert r"de\_fault" in (whole / "out" / "small.tex").read_text()


def test_the_questions_are_those_of_the_runs(whole: Path) -> None:
    told = json.loads((whole / "out" / "small.json").read_text())["queries"]["de_fault"]["1"]
    repo = Repository.of_run(whole / "runs" / "de_fault-1")
    queries = repo.queries()
    repo.close()
    for number in (0, 1):
        asked = [q for q in queries if q.round == number]
        assert {id: sum(seen.values()) for id, seen in told[number].items()} == Counter(q.image for q in asked)
        seen = Counter(q.reason["names"][0] if number else "" for q in asked)
        assert sum((Counter(classes) for classes in told[number].values()), Counter()) == seen
    lines = to_csv({"row": {1: told}}).splitlines()
    assert len(lines) == 1 + sum(len(classes) for images in told for classes in images.values())
    assert sum(int(line.rpartition(",")[2]) for line in lines[1:]) == len(queries)


def test_many_questions_stand_beside(whole: Path, tmp_path: Path) -> None:
    many = {"de_fault": {1: tuple({f"image {n}": {"car": n} for n in range(6000)} for _ in range(2))}}
    files = write_results(Found(small(whole, **WHOLE), None).results, tmp_path, many)
    assert tmp_path / "small-queries.csv" in files
    assert "queries" not in json.loads((tmp_path / "small.json").read_text())


def test_every_preset_stands_in_the_json_with_what_its_runs_say(whole: Path) -> None:
    found = json.loads((whole / "out" / "small.json").read_text())
    assert set(found["presets"]) == set(found["rows"]) - {FULL}
    ours, images = found["presets"]["de_fault"], found["presets"]["random images"]
    assert ours["clicks"] == [[12, 24], [12, 24]]
    assert ours["miou"] == [[r["miou"] for r in run["rounds"]] for run in found["rows"]["de_fault"]]
    assert ours["aubc"] == pytest.approx(sum(map(sum, ours["miou"])) / 4)
    chance = found["presets"]["random superpixels"]
    assert ours["aubc_gain_over_random_superpixels"] == pytest.approx(ours["aubc"] - chance["aubc"])
    assert (ours["answer"], images["answer"]) == ("dominant-class", "dense")
    assert (chance["aubc_gain_over_random_superpixels"], chance["aubc_gain_over_random_superpixels_p"]) == (0.0, None)
    reached = [one["clicks_to_90"] for one in found["presets"].values() if one["clicks_to_90"] is not None]
    assert found["clicks_to_90"] == min(reached, default=None)
    first = found["rows"]["random images"][0]["rounds"][0]
    assert 0 < first["vertices"] < first["clicks"]
    assert first["person_seconds"] == pytest.approx(
        0.9 * first["vertices"] + 2.4 * (first["clicks"] - first["vertices"])
    )
    assert first["more"]["label_noise"] == 0  # drawn answers are the truth itself
    last = found["rows"]["de_fault"][0]["rounds"][-1]
    assert last["vertices"] == 0
    assert sum(last["asked"]) == pytest.approx(1)
    assert sum(last["answered"]) == pytest.approx(1)
    assert {"ece", "overconfidence", "boundary_iou", "rare_miou", "image_gini"} <= set(last["more"])
    assert sum(found["rows"]["de_fault"][0]["truth_share"]) == pytest.approx(1)
    text = (whole / "out" / "small.md").read_text()
    for title in ("Summary", "Pairwise penalty matrix", "Rare classes", "Calibration and boundaries", "What was asked"):
        assert f"## {title}" in text


def test_figures_are_those_of_the_runs(whole: Path) -> None:
    found = json.loads((whole / "out" / "small.json").read_text())
    repo = Repository.of_run(whole / "runs" / "random-superpixels-1")
    stored = {(m.round, m.name): m.value for m in repo.metrics() if m.truth == "native" and m.class_index == -1}
    repo.close()
    told = found["rows"]["random superpixels"][1]["rounds"]
    assert [r["miou"] for r in told] == [stored[0, "miou"], stored[1, "miou"]]


def test_seeds_are_paired(whole: Path) -> None:
    """Seed k gives every row the same round 0; another seed gives another."""
    rows = json.loads((whole / "out" / "small.json").read_text())["rows"]
    first = {
        (row, run["seed"]): (run["rounds"][0]["miou"], run["rounds"][0]["pixels"])
        for row in ("de_fault", "random superpixels")
        for run in rows[row]
    }
    assert first["de_fault", 0][1] == first["random superpixels", 0][1]
    assert first["de_fault", 1][1] == first["random superpixels", 1][1]
    assert first["de_fault", 0] != first["de_fault", 1]


def test_no_overlap_is_an_answer(whole: Path) -> None:
    compared = json.loads((whole / "out" / "small.json").read_text())["equal_cost"]
    assert compared["clicks"]["random images"]["mean_difference"] == "no overlap"
    assert compared["clicks"]["de_fault"]["seeds_compared"] == 2
    assert "no overlap" in (whole / "out" / "small.md").read_text()
    assert "no overlap" in (whole / "out" / "small.csv").read_text()


def test_a_finished_grid_is_left_alone_and_says_the_same(whole: Path, tmp_path: Path) -> None:
    bench = small(whole, **WHOLE)
    assert outlook(bench)["trainings_left"] == 0
    before = {path: path.stat().st_mtime_ns for path in (whole / "runs").rglob("*") if path.is_file()}
    run_bench(bench, tmp_path)
    after = {path: path.stat().st_mtime_ns for path in (whole / "runs").rglob("*") if path.suffix == ".pt"}
    assert after.items() <= before.items()
    for name in ("small.json", "small.svg", "small.csv", "small.tex", "small-crops.png"):
        assert (tmp_path / name).read_bytes() == (whole / "out" / name).read_bytes()


def test_kept_figures_stand_for_runs_whose_folders_are_gone(whole: Path, tmp_path: Path) -> None:
    old = whole / "out" / "small.json"
    path = write(tmp_path, **WHOLE)
    bench = load_bench(path, keep=[old])
    assert outlook(bench)["trainings_left"] == 0
    run_bench(bench, tmp_path / "out")
    kept, found = json.loads((tmp_path / "out" / "small.json").read_text()), json.loads(old.read_text())
    assert {key: kept[key] for key in ("rows", "equal_cost", "complete")} == {
        key: found[key] for key in ("rows", "equal_cost", "complete")
    }
    assert not (tmp_path / "runs").exists()
    values = yaml.safe_load(path.read_text())
    values["rows"][0]["set"] = {"train": {"steps": 7}}
    path.write_text(yaml.safe_dump(values))
    left = {run["row"] for run in outlook(load_bench(path, keep=[old]))["runs"] if run["done"] < run["rounds"]}
    assert left == {"de_fault"}, "of another config nothing is kept"


def test_another_config_in_a_runs_folder_is_refused(whole: Path, tmp_path: Path) -> None:
    path = write(whole, **WHOLE)
    values = yaml.safe_load(path.read_text())
    values["base"]["train"] = values["base"]["train"] | {"steps": 7}
    other = tmp_path / "small.yaml"
    other.write_text(yaml.safe_dump(values))
    with pytest.raises(SeglensError, match=r"full-supervision-0: a run of another config \(\w+\) than row"):
        run_bench(load_bench(other), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_parts_that_cannot_work_are_refused_before_anything_runs(tmp_path: Path) -> None:
    rows = [*FEW["rows"], {"name": "odd", "preset": "default", "set": {"score": {"name": "entropi"}}}]
    with pytest.raises(SeglensError, match="row 'odd': score: unknown name 'entropi'; did you mean 'entropy'"):
        run_bench(small(tmp_path, **(FEW | {"rows": rows})), tmp_path / "out")
    people = [*FEW["rows"][1:], {"name": "people", "preset": "default", "set": {"ask": "human"}}]
    with pytest.raises(SeglensError, match=r"people-0: .* wait for answers; a benchmark needs an 'ask' that answers"):
        run_bench(small(tmp_path, **(FEW | {"rows": people})), tmp_path / "out", only=["people"])


def test_killed_and_resumed_it_says_the_same(tmp_path: Path) -> None:
    once, often = tmp_path / "once", tmp_path / "often"
    for folder in (once, often):
        folder.mkdir()
        write(folder, **FEW)
    assert finish(bench_it, once / "small.yaml", once / "out") == 0
    assert finish(die_in, often / "small.yaml", often / "out", "default-0", "round 1: train") == -9
    assert not (often / "out").exists()
    assert not is_done(small(often, **FEW).runs[0])
    assert finish(die_in, often / "small.yaml", often / "out", "random-0", "round 0: settle") == -9
    half = json.loads((often / "out" / "small.json").read_text())
    assert (half["complete"], half["unfinished"]) == (False, ["random-0"])
    assert "still to do" in (often / "out" / "small.md").read_text()
    (often / "runs" / "random-0" / STAMP).write_text((often / "runs" / "default-0" / STAMP).read_text())
    assert finish(bench_it, often / "small.yaml", often / "out") == 0
    results = [without_times(folder / "out" / "small.json") for folder in (once, often)]
    for found in results:
        found.pop("file")  # the files name different folders of runs
    assert results[0] == results[1]
    assert results[0]["rows"]["default"][0]["bands"]["names"] == ["near", "far"]
    assert (once / "out" / "small.tex").read_text() == (often / "out" / "small.tex").read_text()
    assert (once / "out" / "small.svg").read_bytes() == (often / "out" / "small.svg").read_bytes()
    shutil.rmtree(once / "runs" / "default-0" / "rounds")  # bands are measured once: no model is needed again
    bench_it(once / "small.yaml", once / "again")
    assert without_times(once / "again" / "small.json")["rows"] == results[0]["rows"]
