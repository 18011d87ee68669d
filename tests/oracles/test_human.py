from __future__ import annotations

import json

import numpy as np
import pytest
from arrays import CLASSES

from seglens.files import write_map
from seglens.functional.run_lengths import encode
from seglens.oracles.human import read_answers
from seglens.types import IGNORE, AnswerKind, AnswerStatus, Cost, Provenance, Query, Region, SeglensError

SIZE = (6, 8)


@pytest.fixture
def mask():
    mask = np.zeros(SIZE, bool)
    mask[1:4, 2:7] = True
    return mask


def read(tmp_path, asked, kind, **line):
    query = Query("q", 1, Region("a", SIZE, encode(asked), "k", 0), kind, 0.5, Cost(7.0))
    file = tmp_path / "answers.jsonl"
    file.write_text(json.dumps({"query": "q", **line}) + "\n")
    return read_answers(file, {"q": query}, CLASSES)[0]


@pytest.mark.parametrize("kind", [AnswerKind.DENSE, AnswerKind.MASK])
def test_a_drawn_mask_is_read_as_a_dense_answer_is(kind, mask, tmp_path):
    drawn = np.full(SIZE, 4, np.uint8)
    drawn[2] = IGNORE
    drawn[3] = 1
    write_map(tmp_path / "drawn.png", drawn)
    answer = read(tmp_path, mask, kind, mask=str(tmp_path / "drawn.png"), seconds=3)
    assert np.array_equal(answer.dense, drawn[mask])
    assert (answer.status, answer.provenance) == (AnswerStatus.ANSWERED, Provenance.PERSON)
    assert answer.cost == Cost(7.0, 10.0, 3.0)


@pytest.mark.parametrize("kind", [AnswerKind.DENSE, AnswerKind.MASK])
def test_a_mask_answer_needs_its_file(kind, mask, tmp_path):
    with pytest.raises(SeglensError, match=f"key 'mask': a {kind.value} answer needs a PNG"):
        read(tmp_path, mask, kind)
