"""What a round asked about, counted again pixel by pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny import tiny

from seglens.functional.run_lengths import encode
from seglens.loop import create, drive
from seglens.loop.queries import gini, query_metrics, spread_metrics
from seglens.store import Metric, Repository
from seglens.types import (
    IGNORE,
    Answer,
    Answered,
    AnsweredImage,
    AnswerKind,
    AnswerStatus,
    Cost,
    Provenance,
    Query,
    Region,
)

SIZE = (12, 16)


class Truths(dict[str, np.ndarray]):
    """A LabelSource of arrays."""

    def has(self, id: str) -> bool:
        return id in self

    def label(self, id: str) -> np.ndarray:
        return self[id]


def asked(id: str, mask: np.ndarray, *classes: int) -> Answered:
    kind = AnswerKind.DOMINANT_CLASS if len(classes) == 1 else AnswerKind.CLASS_SET
    query = Query(id, 1, Region("a", mask.shape, encode(mask), "k", 0), kind, 0.0, Cost(1))
    return Answered(query, Answer(id, AnswerStatus.ANSWERED, Cost(1), Provenance.SIMULATED, classes))


def by_key(metrics: list[Metric]) -> dict[tuple[str, int], float | None]:
    assert {(m.round, m.truth) for m in metrics} <= {(1, "")}
    return {(m.name, m.class_index): m.value for m in metrics}


def test_figures_are_those_counted_pixel_by_pixel() -> None:
    rng = np.random.default_rng(0)
    truth = np.kron(rng.choice([0, 1, 2, IGNORE], (3, 4)), np.ones((4, 4), int)).astype(np.uint8)
    small = rng.integers(0, 3, (6, 8)).astype(np.uint8)
    left, right = np.zeros(SIZE, bool), np.zeros(SIZE, bool)
    left[2:9, 1:7], right[3:12, 8:14] = True, True
    image = AnsweredImage("a", SIZE, [asked("q", left, 2), asked("r", right, 1)], {1: small})
    found = by_key(query_metrics(1, [image], Truths(a=truth), 3))

    predicted, answered = [0, 0, 0], [0, 0, 0]
    near = known = wrong = named = 0
    for y, x in np.ndindex(*SIZE):
        if not (left[y, x] or right[y, x]):
            continue
        predicted[small[y // 2, x // 2]] += 1
        said = 2 if left[y, x] else 1
        answered[said] += 1
        if truth[y, x] != IGNORE:
            known += 1
            wrong += said != truth[y, x]
            near += bool((truth[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2] != truth[y, x]).any())
            named += 1
    total = sum(answered)
    assert [found["asked_share", c] for c in range(3)] == pytest.approx([n / total for n in predicted])
    assert [found["answered_share", c] for c in range(3)] == pytest.approx([n / total for n in answered])
    assert found["asked_boundary", -1] == pytest.approx(near / known)
    assert found["label_noise", -1] == pytest.approx(wrong / named)
    assert 0 < wrong < named


def test_without_a_model_or_truth_there_is_less_to_tell() -> None:
    whole = np.ones(SIZE, bool)
    image = AnsweredImage("a", SIZE, [asked("q", whole, 0)])
    assert by_key(query_metrics(1, [image], None, 2)) == {("answered_share", 0): 1.0, ("answered_share", 1): 0.0}
    both = AnsweredImage("a", SIZE, [asked("q", whole, 0, 1)])
    told = by_key(query_metrics(1, [both], Truths(a=np.zeros(SIZE, np.uint8)), 2))
    assert told == {("asked_boundary", -1): 0.0}  # a set names no class of a pixel
    assert query_metrics(1, [], None, 2) == []


@pytest.mark.parametrize("seed", range(4))
def test_gini_is_half_the_mean_difference_over_the_mean(seed: int) -> None:
    counts = np.random.default_rng(seed).poisson(2, 30)
    pairs = np.abs(counts[:, None] - counts[None]).mean()
    assert gini(counts) == pytest.approx(pairs / 2 / counts.mean())


def test_spread_over_the_pool() -> None:
    found = by_key(spread_metrics(1, [0, 3, 0, 1]))
    assert found["round_images", -1] == 2
    assert found["image_most", -1] == 3
    assert found["image_gini", -1] == pytest.approx(gini(np.array([0, 3, 0, 1])))
    assert spread_metrics(1, [0, 0]) == []


def test_a_run_tells_what_it_asked(tmp_path: Path) -> None:
    run = tmp_path / "run"
    create(run, tiny(tmp_path, rounds=2))
    drive(run)
    repo = Repository.of_run(run)
    first, second = ({(m.name, m.class_index): m.value for m in repo.metrics(r)} for r in (0, 1))
    asked = [{query.image for query in repo.queries(r)} for r in (0, 1)]
    repo.close()
    assert ("asked_share", 0) not in first  # no model yet
    for found, images in zip((first, second), asked, strict=True):
        assert found["round_images", -1] == len(images)
        assert 0 <= found["label_noise", -1] < 0.6
        assert 0 < found["asked_boundary", -1] < 1
        assert sum(found["answered_share", c] for c in range(19)) == pytest.approx(1)
        assert 0 <= found["ece", -1] <= 1
        assert abs(found["overconfidence", -1]) <= found["ece", -1] + 1e-9
        assert found["rare_miou", -1] <= 1
        assert sum(found["truth_share", c] for c in range(19)) == pytest.approx(1)
    assert sum(second["asked_share", c] for c in range(19)) == pytest.approx(1)
