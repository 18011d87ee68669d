"""The label config, and what fits it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from seglens.bridges.label_studio.labelling import DRAWN, KINDS, VOID, Tool, controls, label_config, problem
from seglens.bridges.label_studio.masks import result_of
from seglens.types import AnswerKind, AnswerStatus, ClassTable, SeglensError

CLASSES = ClassTable(('road "A" & <b>', "car", "tree"), ((128, 64, 128), (0, 0, 142), (1, 2, 3)))
SIZE = (5, 9)


@pytest.mark.parametrize("tool", Tool)
@pytest.mark.parametrize("kind", KINDS)
def test_every_class_is_a_label_with_its_colour(kind: AnswerKind, tool: Tool) -> None:
    config = label_config(kind, CLASSES, tool)
    answer = controls(config)["answer"]
    assert answer.labels == {*CLASSES.names, *([VOID] if kind in DRAWN else [])}
    assert answer.to == {"image"}
    assert answer.single == (kind is AnswerKind.DOMINANT_CLASS)
    for colour in ("#804080", "#00008e", "#010203"):
        assert config.count(colour) == 1
    assert len(controls(config)["status"].labels) == 3
    for name in ("image", "beside", "map", "why"):
        assert f'"${name}"' in config


@pytest.mark.parametrize("name", ["$road", " road", VOID])
def test_a_name_that_would_be_read_as_something_else_is_refused(name: str) -> None:
    with pytest.raises(SeglensError, match="Label Studio cannot hold that name"):
        label_config(AnswerKind.DENSE, ClassTable((name,), ((0, 0, 0),)), Tool.BRUSH)


def test_what_does_not_fit_is_said() -> None:
    known = controls(label_config(AnswerKind.DENSE, CLASSES, Tool.BRUSH))
    right = result_of(np.ones(SIZE, bool), "car", Tool.BRUSH, "a")
    assert problem(right, known, SIZE) is None
    value = right["value"]
    wrong: list[tuple[Any, str]] = [
        ("car", "without a value"),
        ({**right, "value": None}, "without a value"),
        ({**right, "from_name": "tag"}, "no control 'tag' in the label config; there are answer, status"),
        ({**right, "to_name": "beside"}, "not for 'beside'"),
        ({**right, "type": "bitmasklabels"}, "gives 'brushlabels', found 'bitmasklabels'"),
        ({**right, "value": {**value, "brushlabels": ["lorry"]}}, "unknown class 'lorry'"),
        ({**right, "value": {**value, "brushlabels": []}}, "nothing chosen"),
        ({**right, "value": {**value, "brushlabels": "car"}}, "nothing chosen"),
        ({**right, "value": {**value, "brushlabels": ["car", "tree"]}}, "2 labels where one is allowed"),
        ({**right, "original_width": 8}, "an image of 5 x 8, this one is 5 x 9"),
        ({k: v for k, v in right.items() if k != "original_height"}, "None x 9"),
    ]
    for result, why in wrong:
        said = problem(result, known, SIZE)
        assert said is not None
        assert why in said


def test_one_choice_or_several() -> None:
    result = {"from_name": "answer", "to_name": "image", "type": "choices", "value": {"choices": ["car", "tree"]}}
    one = controls(label_config(AnswerKind.DOMINANT_CLASS, CLASSES, Tool.BRUSH))
    several = controls(label_config(AnswerKind.CLASS_SET, CLASSES, Tool.BRUSH))
    assert "2 labels where one is allowed" in str(problem(result, one, SIZE))
    assert problem(result, several, SIZE) is None


def test_a_config_that_is_no_xml_is_an_error() -> None:
    with pytest.raises(SeglensError, match="no XML"):
        controls("<View>")


def test_statuses_are_told_apart() -> None:
    from seglens.bridges.label_studio.labelling import STATUSES

    assert set(STATUSES.values()) == {AnswerStatus.VOID, AnswerStatus.UNSURE, AnswerStatus.MISSING_CLASS}
