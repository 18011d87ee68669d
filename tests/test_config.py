from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from seglens.config import DEFAULTS, RunConfig, TrainConfig, assign, read_yaml, resolve
from seglens.types import SeglensError


def test_a_config_loads_back_as_it_was_dumped(tmp_path: Path) -> None:
    config = resolve({"train": {"rhythm": "finetune"}, "cut": "grid", "model": {"size": [64, 96]}}, {}, "x")
    (tmp_path / "config.yaml").write_text(config.dump())
    assert resolve(read_yaml(tmp_path / "config.yaml"), {}, "x") == config


def test_the_digest_knows_what_decides_and_not_where_it_lies() -> None:
    def digest(**values: object) -> str:
        return resolve(values, {}, "x").digest()

    camvid = {"name": "camvid", "root": "../shared/data/camvid"}
    elsewhere = {"name": "camvid", "root": "/mnt/disk/camvid"}
    assert digest(data=camvid) == digest(data=elsewhere, threads=1, full_miou=0.6, cache={"max_gib": 1})
    assert len({digest(), digest(seed=1), digest(data=camvid), digest(train={"steps": 7}), digest(cut="grid")}) == 5


def test_defaults_that_decide_results_are_those_of_the_digest() -> None:
    """Digests leave out what stands at its default: who changes one of these raises ``DEFAULTS`` in config.py."""
    plain = RunConfig().model_dump(mode="json")
    held = {
        "narrow": [],
        "score": {"name": "random"},
        "depth": {"name": "ground"},
        "cut": {"name": "superpixel"},
        "answer": "dominant-class",
        "pick": {"name": "top"},
        "start": {"name": "spread-images"},
        "ask": {"name": "simulated"},
        "settle": {"name": "as-answered"},
        "companions": [],
        "seed": 0,
        "rounds": 4,
        "preset": "default",
        "data": {"name": "streets"},
        "eval_data": None,
        "chunk": 8,
    }
    assert {key: plain[key] for key in held} == held
    held_below = {
        "model": ["fpn", "tu-tf_efficientnet_lite0", "imagenet", 64, "nearest", 0.1, "default", [128, 256]],
        "budget": ["clicks", 150, 150, None, None],
    }
    assert {key: list(plain[key].values())[: len(held_below[key])] for key in held_below} == held_below
    train = [450, None, 8, 4096, "adamw", 0.012, 0.0004, 0.01, "one-cycle", 2 / 3, "pretrained", "log-frequency", 0.99]
    assert list(plain["train"].values())[: len(train) + 1] == ["interactive", *train]
    weights = {"person": 1, "simulated": 1, "extended": 0.5, "machine": 0.5}
    rest = ["full", None, ["plain", "flip"], weights, "auto", 100]
    assert list(plain["train"].values())[len(train) + 1 :][: len(rest)] == rest
    assert DEFAULTS == 0, "raised: hold the new defaults here"


def test_a_key_at_its_default_leaves_the_digest_as_it_is() -> None:
    assert resolve({"train": {"steps": 450}}, {}, "x").digest() == RunConfig().digest()


def test_finetune_has_a_rate_of_its_own_unless_one_is_given() -> None:
    assert RunConfig().train.lr == 1.2e-2
    assert resolve({"train": {"rhythm": "finetune"}}, {}, "x").train.lr == 3e-3
    assert resolve({"train": {"rhythm": "finetune", "lr": 0.5}}, {}, "x").train.lr == 0.5


def test_flip_and_blur_are_views_where_the_encoder_is_fixed() -> None:
    def train(**values: object) -> TrainConfig:
        return resolve({"train": values}, {}, "x").train

    assert train(augmentation="flip-blur").views == ("plain", "flip", "blur")
    assert train(augmentation="flip-blur", rhythm="finetune").views == ("plain", "flip")
    again = resolve(yaml.safe_load(RunConfig(train=train(augmentation="flip-blur")).dump()), {}, "x")
    assert again.train.views == ("plain", "flip", "blur")
    with pytest.raises(SeglensError, match=r"flip-blur in the interactive rhythm means views: .*, found \['plain'\]"):
        train(augmentation="flip-blur", views=["plain"])
    with pytest.raises(SeglensError, match=r"key 'train.augmentation', found 'colour'"):
        train(augmentation="colour")
    for share in (0, 1.5):
        with pytest.raises(SeglensError, match=r"key 'train.drop_at', found"):
            train(drop_at=share)


@pytest.mark.parametrize(
    ("setting", "words"), [("rounds", "expected key=value"), ("seed.a=1", "which has no keys"), ("a=[", "not YAML")]
)
def test_a_bad_setting_is_named(setting: str, words: str) -> None:
    with pytest.raises(SeglensError, match=words):
        assign({"seed": 3}, [setting])


def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    for text, words in (("- a\n", "expected a mapping"), ("a: [", "not a YAML file")):
        (tmp_path / "x.yaml").write_text(text)
        with pytest.raises(SeglensError, match=words):
            read_yaml(tmp_path / "x.yaml")
