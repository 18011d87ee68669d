"""Runs that ask windows, of a person who is not always right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import tiny

from seglens.data import open_data, open_labels
from seglens.functional.run_lengths import decode, indices
from seglens.loop import State, create, drive
from seglens.oracles.noisy import noisy_mask
from seglens.store import LabelFiles, Repository
from seglens.types import IGNORE, Chance, SeglensError

WINDOWS: dict[str, Any] = {
    "score": "entropy",
    "cut": {"name": "gaussian-window", "height_fraction": 0.25},
    "answer": "dense",
    "pick": "top",
    "settle": "as-answered",
    "ask": {"name": "noisy", "fraction": 0.4},
    "budget": {"unit": "image-equivalents", "initial": 2, "per_round": 1},
}
PIXELS = 64 * 96


@pytest.mark.parametrize("score", ["entropy", "random"])
def test_windows_of_a_noisy_person_are_asked_paid_and_learnt_from(tmp_path: Path, score: str) -> None:
    config = tiny(tmp_path, **WINDOWS | {"score": score})
    create(tmp_path / "run", config)
    assert drive(tmp_path / "run").state is State.FINISHED
    repo = Repository.of_run(tmp_path / "run")
    answered = repo.answered()
    spent = [repo.spent(round).pixels for round in range(3)]
    repo.close()

    first = [pair.query.region for pair in answered if pair.query.round == 0]
    assert [region.pixels for region in first] == [PIXELS] * 2  # whole images, while there is no model
    windows = [pair.query for pair in answered if pair.query.round]
    assert {query.round for query in windows} == {1, 2}
    assert all(query.region.pixels <= 16 * 16 for query in windows)
    assert max(query.region.pixels for query in windows) == 16 * 16
    asked: dict[str, Any] = {}
    for pair in answered:
        mask = decode(pair.query.region.runs, pair.query.region.size)
        assert not (asked.get(pair.query.image, False) & mask).any()  # only what is new is asked, and charged
        asked[pair.query.image] = asked.get(pair.query.image, False) | mask
    for round in (1, 2):
        estimates = sum(query.estimate.pixels for query in windows if query.round == round)
        due = (2 + round) * PIXELS - spent[round - 1]  # void is not charged: it carries over
        assert due - 16 * 16 < estimates <= due

    truth, classes = open_labels(config.data), len(open_data(config.data).classes)
    for pair in answered:
        chance = Chance((config.seed, "ask", "noise", pair.query.image))
        noisy = noisy_mask(truth.label(pair.query.image), classes, 0.4, "mixed", chance)
        said = noisy.ravel()[indices(pair.query.region.runs)]
        dense = pair.answer.dense if pair.answer.dense is not None else np.full_like(said, IGNORE)
        assert np.array_equal(dense, said)  # one mask of mistakes, in every round
        true = truth.label(pair.query.image).ravel()[indices(pair.query.region.runs)]
        assert pair.answer.cost.pixels == (true != IGNORE).sum()  # what is new, and what a person was shown
    files = LabelFiles(tmp_path / "run")
    labels = {id: files.read(id) for id in files.ids()}
    assert 0 < sum(int((settled.label != IGNORE).sum()) for settled in labels.values()) < spent[-1]  # some is missing


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        ({"unit": "pixels", "per_round": 255}, r"found 255 pixels, .* 256 pixels; allowed: 256 or more"),
        ({"unit": "image-equivalents", "per_round": 0.04}, r"0\.04 image-equivalents.*allowed: 0\.04167 or more"),
        ({"unit": "pool-share", "per_round": 0.006}, r"0\.006 pool-share.*allowed: 0\.006945 or more"),
    ],
)
def test_a_round_that_pays_for_no_window_is_refused(tmp_path: Path, budget: dict[str, Any], words: str) -> None:
    with pytest.raises(SeglensError, match=r"budget\.per_round: found .*cut 'gaussian-window'") as caught:
        create(tmp_path / "run", tiny(tmp_path, **WINDOWS | {"budget": budget}))
    assert not (tmp_path / "run").exists()
    assert caught.match(words)
    least = float(str(caught.value).rpartition("allowed: ")[2].partition(" ")[0])
    create(tmp_path / "run", tiny(tmp_path, **WINDOWS | {"budget": budget | {"per_round": least}}))


def test_a_window_larger_than_an_image_of_the_pool_is_refused(tmp_path: Path) -> None:
    cut = {"name": "gaussian-window", "size": 65}
    with pytest.raises(SeglensError, match=r"key 'size', found 65 pixels: .* image of 64 x 96; allowed: 1 to 64"):
        create(tmp_path / "run", tiny(tmp_path, **WINDOWS | {"cut": cut}))
    assert not (tmp_path / "run").exists()


def test_a_budget_of_clicks_is_not_counted_in_pixels(tmp_path: Path) -> None:
    create(tmp_path / "run", tiny(tmp_path, **WINDOWS | {"budget": {"unit": "clicks", "per_round": 1}}))
