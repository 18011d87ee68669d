"""A pool whose rows are not held at once is picked from as one whose rows are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import tiny

from seglens.acquisition.pick import Top
from seglens.loop import State, create, drive
from seglens.loop import choosing as module
from seglens.loop.choosing import Choosing, image_places
from seglens.loop.scoring import load_pool
from seglens.loop.workbench import Workbench
from seglens.registry import picks
from seglens.store import Repository
from seglens.types import Answered, Query, Rows, Unit

BY_FEATURES = {"cut": {"name": "superpixel", "segments": 24}, "eval_data": None, "rounds": 3, "chunk": 2}
PICKS: list[Any] = [
    "top",
    {"name": "top", "rank": "sum", "per_image": 2},
    {"name": "top", "share": 0.3},
    {"name": "top", "by": "image"},
    "stratified",
    {"name": "stratified", "share": 1.0, "per_image": 0.2},
    "spread",
    {"name": "spread", "per_image": 1, "distance": 6.0},
    "spread-images",
    {"name": "k-center", "shortlist": 2.0},
    {"name": "badge", "shortlist": 2.0},
    "coverage",
    "typical",
    "cost-aware",
]
SPENDING = [(Unit.CLICKS, 5.0), (Unit.CLICKS, 60.0), (Unit.PIXELS, 1500.0)]
"""The last one's rows differ in what they cost: some are too dear."""


class Pieces(Workbench):
    """Each chunk a shard of its own."""

    @property
    def rows_at_once(self) -> int:
        return 1


Places = list[tuple[str, int]]
FEW_STEPS = {"rhythm": "interactive", "steps": 2, "batch": 2}


def places(rows: Rows) -> Places:
    return list(zip(rows.images.tolist(), rows.regions.tolist(), strict=True))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Features and superpixels are the same in every run."""
    return {"dir": str(tmp_path_factory.mktemp("cache"))}


def both(folder: Path, **changes: Any) -> Iterator[tuple[Places, Places]]:
    """What each round would pick, of a pool that is held and of one in pieces, for each of ``SPENDING``."""
    config = tiny(folder, **{**BY_FEATURES, "train": FEW_STEPS, **changes})
    create(folder / "run", config)
    assert drive(folder / "run").state is State.FINISHED
    repo = Repository.of_run(folder / "run")
    for round in repo.rounds():
        asked = [query for query in repo.queries() if query.round < round.number]
        answered = [pair for pair in repo.answered() if pair.query.round < round.number]
        whole = chosen(Workbench(config, folder / "run"), round.number, round.allowance, asked, answered)
        assert whole == [(q.image, q.region.index) for q in repo.queries(round.number)]
        for unit, amount in SPENDING:
            budget = config.budget.model_copy(update={"unit": unit})
            benches = [
                kind(config.model_copy(update={"budget": budget}), folder / "run") for kind in (Workbench, Pieces)
            ]
            one, other = (chosen(bench, round.number, amount, asked, answered) for bench in benches)
            yield one, other
    repo.close()


def chosen(bench: Workbench, round: int, amount: float, asked: Sequence[Query], answered: Sequence[Answered]) -> Places:
    return places(Choosing(bench, round, bench.chunks(bench.pool), amount, asked, answered).rows())


@pytest.mark.parametrize("pick", PICKS, ids=str)
def test_every_pick_chooses_the_same_of_a_pool_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: dict[str, str], pick: Any
) -> None:
    """However few rows are kept at first: where they are too few the pick is given more."""
    monkeypatch.setattr(module, "FIRST", 0.1)
    for one, other in both(tmp_path, pick=pick, settle="as-answered", cache=cache):
        assert one
        assert other == one


def test_every_registered_pick_is_among_them() -> None:
    assert {pick if isinstance(pick, str) else pick["name"] for pick in PICKS} == set(picks.names())


@pytest.mark.parametrize(
    "score", [{"name": "bvsb", "balance": "regions"}, {"name": "bvsb", "balance": "pixels"}, "random"]
)
def test_scores_of_a_pool_in_pieces_know_the_whole_pool(tmp_path: Path, cache: dict[str, str], score: Any) -> None:
    for one, other in both(tmp_path, score=score, cache=cache):
        assert one
        assert other == one


@pytest.mark.parametrize("unit", [Unit.CLICKS, Unit.PIXELS])
def test_few_rows_are_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unit: Unit) -> None:
    """Twice what is paid for, and of rows that differ in cost as many again that can be paid for behind these."""
    config = tiny(
        tmp_path, **{**BY_FEATURES, "rounds": 1, "cut": {"name": "superpixel", "segments": 80}, "start": "top"}
    )
    create(tmp_path / "run", config)
    drive(tmp_path / "run")
    seen = []
    choose = Top.choose

    def spy(self: Any, rows: Rows, *rest: Any) -> Any:
        seen.append(len(rows))
        return choose(self, rows, *rest)

    monkeypatch.setattr(Top, "choose", spy)
    config = config.model_copy(update={"budget": config.budget.model_copy(update={"unit": unit})})
    bench = Pieces(config, tmp_path / "run")
    rows = load_pool(bench, 0, bench.chunks(bench.pool))
    amount = 3.0 if unit is Unit.CLICKS else 3.0 * rows.sizes.mean()
    found = chosen(bench, 0, amount, [], [])
    assert seen == [7] if unit is Unit.CLICKS else max(seen) <= 16
    assert len(rows) > 300
    assert found == chosen(Workbench(config, tmp_path / "run"), 0, amount, [], [])


def test_a_round_without_images_asks_nothing(tmp_path: Path) -> None:
    config = tiny(tmp_path, **BY_FEATURES)
    create(tmp_path / "run", config)
    nothing = Choosing(Workbench(config, tmp_path / "run"), 0, [], 5.0, [], [])
    assert not nothing.left
    assert len(nothing.rows()) == 0
    assert nothing.share is None


def test_of_a_large_pool_only_the_places_that_are_needed_are_by_distance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(tmp_path / "run", tiny(tmp_path, **{**BY_FEATURES, "rounds": 1}))
    drive(tmp_path / "run")
    bench = Workbench(tiny(tmp_path, **{**BY_FEATURES, "rounds": 1}), tmp_path / "run")
    whole = image_places(bench, bench.pool, 2)
    assert sorted(whole.values()) == list(range(len(bench.pool)))
    monkeypatch.setattr(module, "SPREAD_ALL", 3)
    some = image_places(bench, bench.pool, 2)
    assert sorted(some.values()) == list(range(len(bench.pool)))
    assert sorted(whole, key=whole.__getitem__)[:2] == sorted(some, key=some.__getitem__)[:2]
    monkeypatch.setattr(module, "SPREAD_AMONG", 1)
    one = min(some, key=image_places(bench, bench.pool, 2).__getitem__)
    drawn = bench.chance.child("order").numpy().permutation(len(bench.pool))[0]
    assert one == sorted(bench.pool)[drawn]
    np.testing.assert_array_equal(sorted(image_places(bench, bench.pool, 2)), sorted(bench.pool))
