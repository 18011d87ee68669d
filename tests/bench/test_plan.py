"""What a benchmark file asks for, and what it is refused for."""

from __future__ import annotations

import os
import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from small import SMALL, small, write

from seglens.bench.file import load_bench
from seglens.bench.plan import FULL
from seglens.bench.results import stamp
from seglens.cli.demo import PRESETS, demo_config
from seglens.data import open_data
from seglens.data.export import export_streets
from seglens.types import SeglensError, Unit

ROOT = Path(__file__).resolve().parents[2]


def test_rows_and_seeds_become_runs(tmp_path: Path) -> None:
    bench = small(tmp_path)
    assert bench.row_names == (FULL, "default", "less_of it", "random superpixels", "random images")
    seeds = {row: [run.seed for run in bench.runs if run.row == row] for row in bench.row_names}
    assert seeds == {
        FULL: [0],
        "default": [0, 1],
        "less_of it": [0],
        "random superpixels": [0, 1],
        "random images": [1],
    }
    by_folder = {run.folder.name: run.config for run in bench.runs}
    assert [run.config.seed for run in bench.runs] == [run.seed for run in bench.runs]
    assert by_folder["less_of-it-0"].budget.initial == 6
    assert by_folder["less_of-it-0"].budget.per_round == 12
    assert by_folder["less_of-it-0"].cut.params() == {"segments": 24}
    assert by_folder["random-images-1"].cut.params() == {}
    assert by_folder["random-images-1"].cut.name == "image"


def test_full_supervision_labels_every_image_once(tmp_path: Path) -> None:
    config = small(tmp_path).of_rows([FULL])[0].config
    assert (config.rounds, config.preset, config.cut.name, config.budget.unit) == (
        1,
        "random-image",
        "image",
        Unit.IMAGES,
    )
    assert config.budget.initial >= 10**6
    assert config.train == small(tmp_path).of_rows(["default"])[0].config.train


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("score: entropy\n")
    rows = [{"name": "own", "preset": "own.yaml"}]
    data = {"name": "folder", "images": "pictures/new"}
    path = write(tmp_path, rows=rows, reference=None, curves=None, tables=[{"kind": "rounds"}])
    values = yaml.safe_load(path.read_text())
    values["base"] |= {"data": data}
    (tmp_path / "deep").mkdir()
    shutil.move(tmp_path / "own.yaml", tmp_path / "deep" / "own.yaml")
    path = tmp_path / "deep" / "file.yaml"
    path.write_text(yaml.safe_dump(values))
    config = load_bench(path).of_rows(["own"])[0].config
    assert config.data.params()["images"] == str(tmp_path / "deep" / "pictures" / "new")
    assert config.cache.dir == tmp_path / "deep" / "cache"
    assert config.score.name == "entropy"


def test_runs_go_where_told(tmp_path: Path) -> None:
    path = write(tmp_path, runs=None)
    assert load_bench(path).runs[0].folder == Path("runs/small/full-supervision-0")
    assert load_bench(path, tmp_path / "here").runs[0].folder == tmp_path / "here" / "full-supervision-0"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": [1]}, r"small.yaml: unknown key 'seed'; did you mean 'seeds'\?"),
        ({"seeds": []}, "small.yaml: key 'seeds'"),
        ({"seeds": [1, 1]}, r"small.yaml: seeds: one stands twice in \[1, 1\]"),
        ({"rows": [{"name": "a", "preset": "default", "seed": 1}]}, "rows, entry 1: unknown key 'seed'; did you mean"),
        ({"rows": ["default"]}, "rows, entry 1: expected a mapping of keys, found 'default'"),
        ({"rows": [{"name": "a", "preset": "defalt"}], "reference": "a"}, "preset: unknown name 'defalt'"),
        ({"rows": [{"name": "a b", "preset": "default"}, {"name": "a-b", "preset": "default"}]}, "like 'a-b'"),
        ({"rows": [{"name": FULL, "preset": "default"}]}, "is kept for 'full:'"),
        ({"reference": "randm"}, "reference: no row 'randm'. Allowed: default, "),
        ({"curves": ["x"]}, "curves: no row 'x'"),
        ({"tables": [{"kind": "pie"}]}, "tables, entry 1: key 'kind', found 'pie'"),
        ({"tables": [{"kind": "cost", "rows": ["x"]}]}, "tables, cost: rows: no row 'x'"),
        ({"tables": [{"kind": "bands"}]}, "'bands' needs the key 'bands'"),
        ({"tables": [{"kind": "by-round", "against": "x"}]}, "tables, by-round: against: no row 'x'"),
        ({"tables": [{"kind": "by-round"}], "reference": None}, "by-round: needs the key 'against' or the file's"),
        ({"tables": [{"kind": "noise", "against": "x"}]}, "noise: against: no line 'x'. Allowed: ours, "),
        ({"tables": [{"kind": "cycles", "at": [0.5]}]}, "tables, cycles: 'at' has no meaning here. Allowed in: reach"),
        (
            {"tables": [{"kind": "reach", "at": [50]}]},
            r"tables, reach: at: found \[50.0\]; allowed: mIoU between 0 and 1",
        ),
        ({"tables": [{"kind": "against"}], "reference": None}, "against: needs the key 'against' or the file's"),
        (
            {"tables": [{"kind": "summary", "click_seconds": [1]}]},
            "summary: 'click_seconds' has no meaning here. Allowed in: prices",
        ),
        ({"tables": [{"kind": "prices", "vertex_seconds": [0.5, 0]}]}, "tables, prices: seconds: allowed: above 0"),
        ({"tables": [{"kind": "metrics"}]}, "tables, metrics: needs the key 'metrics'"),
        ({"drawings": [{"title": "a", "rows": ["x"]}]}, "drawings, a: rows: no row 'x'"),
        (
            {"drawings": [{"title": "a", "rows": ["x"], "line": []}]},
            "drawings, entry 1: unknown key 'line'; did you mean 'lines'",
        ),
        ({"drawings": [{"title": "Split", "rows": ["default"]}]}, "titles must differ .* found 2 like 'split'"),
        (
            {"drawings": [{"title": "a", "rows": ["default"], "dashed": ["x"]}]},
            "dashed: 'x' is none of its rows: default",
        ),
        (
            {"drawings": [{"title": "a", "rows": ["default"], "lines": ["p90"]}], "full": None},
            "p90 need the key 'full'",
        ),
        ({"crops": {"rows": ["default", "x"]}}, "crops: rows: no row 'x'"),
        ({"crops": {"rows": ["default", "random images"]}}, r"crops: seed: found 0; row 'random images' has \[1\]"),
        (
            {
                "rows": [
                    {"name": "a", "preset": "default"},
                    {"name": "b", "preset": "default", "group": "a", "level": 20},
                    {"name": "c", "preset": "default", "group": "a", "level": 20},
                ]
            },
            "rows: 2 of the group 'a' have the level 20",
        ),
        ({"axes": ["miles"]}, "key 'axes.0', found 'miles'"),
        (
            {
                "rows": [
                    {"name": "a", "preset": "default"},
                    {"name": "b", "preset": "default", "set": {"eval_data": None}},
                ]
            },
            "row 'b': key 'eval_data': a benchmark needs",
        ),
        (
            {
                "rows": [
                    {"name": "a", "preset": "default", "set": {"eval_data": {"images": 3}}},
                    {"name": "b", "preset": "default"},
                ]
            },
            "key 'eval_data': measured on other images",
        ),
        (
            {"rows": [{"name": "a", "preset": "default", "set": {"data": {"name": "streets", "imags": 3}}}]},
            "row 'a': data 'streets': unknown key 'imags'; did you mean 'images'",
        ),
        ({"full": {"seed": 1}}, "full: unknown key 'seed'"),
        ({"bands": {"depth": "exact", "count": 1}}, "bands: key 'count', found 1"),
        ({"base": SMALL["base"] | {"round": 1}}, r"row 'full supervision': unknown key 'round'; did you mean 'rounds'"),
        ({"base": SMALL["base"] | {"preset": "default"}}, "base: 'preset' has no place here"),
        ({"base": SMALL["base"] | {"eval_data": None}}, "key 'eval_data': a benchmark needs"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    rows_alone = {"reference": None, "curves": None, "tables": [{"kind": "rounds"}]} if "rows" in changes else {}
    with pytest.raises(SeglensError, match=message):
        load_bench(write(tmp_path, **(rows_alone | changes)))


def test_settings_change_the_file_before_it_is_checked(tmp_path: Path) -> None:
    path = write(tmp_path)
    root = tmp_path / "street view"
    export_streets(root, ["train", "val"], 2, (32, 64))
    whole = [
        f"base.data={{name: cityscapes, root: {root}}}",
        f"base.eval_data={{name: cityscapes, root: {root}, splits: val}}",
    ]
    bench = load_bench(path, settings=[*whole, "base.budget.initial=7", "seeds=[3]"])
    assert bench.settings == (*whole, "base.budget.initial=7", "seeds=[3]")
    run = bench.of_rows(["default"])[0]
    assert (run.seed, run.config.budget.initial, run.config.data.params()["root"]) == (3, 7, str(root))
    assert len(open_data(run.config.data).ids) == 2
    assert load_bench(path).runs == load_bench(path, settings=["base.rounds=2"]).runs
    relative = load_bench(path, settings=["base.data={name: cityscapes, root: street view}"]).runs[-1].config
    assert relative.data.params()["root"] == str(root)
    assert shlex.split(stamp(bench)["command"]) == ["seglens", "bench", "small.yaml"] + [
        f"--set={setting}" for setting in bench.settings
    ]


@pytest.mark.parametrize(
    ("setting", "other"),
    [
        ("base.data.root=x", True),
        ("base.eval_data={}", True),
        ("full.set.data.seed=1", True),
        ("base.rounds=1", False),
        ("title=base.data", False),
        ("base.model.weights=data", False),
    ],
)
def test_it_is_known_whether_settings_change_the_data(tmp_path: Path, setting: str, other: bool) -> None:
    assert replace(small(tmp_path), settings=(setting,)).on_other_data == other


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("base.rounds", "--set 'base.rounds': expected key=value"),
        ("bases.rounds=2", "small.yaml: unknown key 'bases'; did you mean 'base'"),
        ("base.round=2", "unknown key 'round'; did you mean 'rounds'"),
        ("seeds=[]", "small.yaml: key 'seeds'"),
        ("rows.0=default", "'rows' holds .* which has no keys"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, setting: str, message: str) -> None:
    with pytest.raises(SeglensError, match=message):
        load_bench(write(tmp_path), settings=[setting])


def test_a_row_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SeglensError, match=r"no row 'x'\. Allowed: full supervision, default"):
        small(tmp_path).of_rows(["x"])


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").glob("*.yaml")), ids=lambda path: path.stem)
def test_committed_files_are_right(path: Path) -> None:
    assert load_bench(path).runs


def test_the_demo_file_is_the_demo() -> None:
    bench = load_bench(ROOT / "benchmarks" / "demo.yaml")
    for preset in PRESETS:
        runs = [run for run in bench.runs if run.config.preset == preset]
        assert [run.config.digest() for run in runs] == [demo_config(preset, seed).digest() for seed in (0, 1, 2)]


def test_the_camvid_file_follows_the_example() -> None:
    config = load_bench(ROOT / "benchmarks" / "camvid.yaml").of_rows(["default"])[0].config
    example = yaml.safe_load((ROOT / "examples" / "camvid.yaml").read_text())
    assert config.rounds == 5
    assert config.budget.model_dump(mode="json") | example["budget"] == config.budget.model_dump(mode="json")
    assert list(config.model.size) == example["model"]["size"]
    assert config.data.params()["root"] == os.path.abspath(ROOT / example["data"]["root"])
