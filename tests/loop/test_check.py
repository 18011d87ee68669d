"""What is refused before a run is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tiny import tiny

from seglens.data.streets import Streets, StreetsParams
from seglens.loop import create
from seglens.registry import datasets
from seglens.types import SeglensError


@pytest.mark.parametrize(("score", "need"), [("vote-entropy", "votes"), ("mc-entropy", "sampled")])
def test_passes_of_a_network_without_dropout_are_refused(tmp_path: Path, score: str, need: str) -> None:
    values: dict[str, Any] = {"score": score, "pick": "top"}
    without = tiny(tmp_path, **values, model={"size": [32, 64], "width": 32, "dropout": 0})
    with pytest.raises(SeglensError, match=rf"model\.dropout: found 0, allowed: above 0 and below 1, .*'{need}'"):
        create(tmp_path / "run", without)
    assert not (tmp_path / "run").exists()
    create(tmp_path / "run", tiny(tmp_path, **values))


def test_zero_passes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SeglensError, match=r"passes.*found 0"):
        create(tmp_path / "run", tiny(tmp_path, score={"name": "vote-entropy", "passes": 0}))


@datasets.register("repeated-streets")
class RepeatedStreets(Streets):
    """Street scenes of which a careless dataset names one twice."""

    def __init__(self, params: StreetsParams) -> None:
        super().__init__(params)
        self.ids = (*self.ids, self.ids[1])


def test_an_image_that_stands_twice_in_the_pool_is_refused(tmp_path: Path) -> None:
    config = tiny(tmp_path, data={"name": "repeated-streets", "images": 3, "size": [64, 96]})
    with pytest.raises(SeglensError, match=r"^data: found image id 'pool/0000_01' more than once in the pool"):
        create(tmp_path / "run", config)
    assert not (tmp_path / "run").exists()


HEAD: dict[str, Any] = {"companions": ["loss-head"]}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"settle": {"name": "contextual", "tap": "stride-2"}}, r"settle 'contextual': key 'tap'.*stride-2"),
        ({"narrow": [{"name": "loss-prediction", "images": 999}], **HEAD}, r"narrow.*images.*999.*pool"),
        ({"narrow": [{"name": "loss-prediction", "images": 2}]}, r"companions: 'narrow: loss-prediction' reads what"),
        (
            {"narrow": [{"name": "difficulty", "images": 2}]},
            r"companions: 'narrow: difficulty' reads what 'difficulty'",
        ),
        ({"score": "difficulty"}, r"companions: 'score: difficulty' reads what 'difficulty' leaves behind"),
        ({"cut": {"name": "gaussian-window", "size": 999}}, r"key 'size', found 999.*larger than the image"),
        (
            {
                "cut": "gaussian-window",
                "answer": "dense",
                "budget": {"unit": "image-equivalents", "initial": 2, "per_round": 1e-4},
            },
            r"budget\.per_round",
        ),
    ],
)
def test_what_cannot_work_is_refused_and_leaves_nothing(tmp_path: Path, values: dict[str, Any], words: str) -> None:
    with pytest.raises(SeglensError, match=words):
        create(tmp_path / "run", tiny(tmp_path, **values))
    assert not (tmp_path / "run").exists()
