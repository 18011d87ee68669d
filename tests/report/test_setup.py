"""The seven choices in words."""

from __future__ import annotations

import pytest

from seglens.config import RunConfig
from seglens.registry import cuts, narrows, oracles, picks, scores, settles
from seglens.report.setup import PLAIN, choices, method, sentence, training

KINDS = {"narrow": narrows, "score": scores, "cut": cuts, "pick": picks, "ask": oracles, "settle": settles}
OURS = [
    f"{kind} {name}"
    for kind, parts in KINDS.items()
    for name in parts.names()
    if parts.get(name).__module__.startswith("seglens.")
]


@pytest.mark.parametrize("part", OURS)
def test_every_part_of_ours_has_plain_words(part: str) -> None:
    assert part in PLAIN


def test_plain_words_are_of_parts_that_exist() -> None:
    assert set(PLAIN) <= set(OURS)


def test_choices_come_in_the_order_of_the_loop_with_their_values() -> None:
    config = RunConfig(cut={"name": "superpixel", "segments": 99}, score="entropy")
    found = {c.name: c for c in choices(config)}
    assert list(found) == ["narrow", "score", "cut", "answer", "pick", "ask", "settle"]
    assert "segments = 99" in found["cut"].values
    assert found["score"].question == "How much would this pixel teach?"
    assert PLAIN["score entropy"] in method(config)


def test_a_part_that_is_not_installed_keeps_its_name_and_values() -> None:
    score = next(c for c in choices(RunConfig(score={"name": "elsewhere", "power": 2})) if c.name == "score")
    assert (score.part, score.does, score.values) == ("elsewhere", "", "power = 2")
    assert "the part “elsewhere”" in method(RunConfig(score="elsewhere"))


def test_sentence_is_the_first_of_a_docstring() -> None:
    assert sentence("Picks the\n    best. And more.\n\n    Args: x") == "Picks the best"


def test_training_says_length_and_rhythm() -> None:
    said = training(RunConfig(train={"steps": None, "epochs": 7, "rhythm": "finetune"}))
    assert "7 epochs a round" in said
    assert "everything is trained" in said
