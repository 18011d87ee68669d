"""Which rows of a round become questions. A pool too large to be held is read a shard at a time, and of each shard only
what the pick may come to is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import ceil, inf

import numpy as np

from seglens.functional.cells import CELL
from seglens.functional.k_center import k_center
from seglens.loop.budget import row_costs
from seglens.loop.scoring import chunk_rows
from seglens.loop.workbench import Workbench
from seglens.oracles.cost import estimate_rows
from seglens.protocols import Ordered
from seglens.types import (
    Allowance,
    Answered,
    AnswerKind,
    Chunk,
    FloatArray,
    ImageId,
    Query,
    RoundState,
    Rows,
    SeglensError,
    Stage,
    TooFewRows,
    Whole,
)

FIRST = 2.0
"""Rows kept of each of a pick's orders at first, in times those that the budget pays for."""
FEWEST = 1 / 64
"""At least these, as a share of the rows that are held at once."""
WIDER = 4
"""How many times as many are kept where these are too few."""
SPREAD_ALL = 10_000
"""Images that round 0 puts in the order of k-center to the last; of a larger pool as many as it can pay for."""
SPREAD_AMONG = 100_000
"""Images that k-center looks at in round 0, drawn by chance where there are more."""


@dataclass
class _Survey:
    """What has to be known of the whole pool before any of it is chosen from."""

    shards: list[list[Chunk]] = field(default_factory=list)
    sums: dict[str, FloatArray] = field(default_factory=dict)
    images: list[ImageId] = field(default_factory=list)
    rows: int = 0
    cost: float = 0.0
    cheapest: float = inf
    pixels: int = 0
    share: FloatArray | None = None

    @property
    def whole(self) -> Whole:
        # rounded: sums depend on the order of chunks, and a quota is cut off at a whole number
        mean = float(f"{self.cost / max(self.rows, 1):.12g}")
        return Whole(self.rows, len(self.images), mean, self.cheapest if self.rows else 0.0)


class Choosing:
    """The pick stage of a round, over its rows on disk.

    Args:
        bench: the run.
        round: its round.
        chunks: that were scored.
        amount: what the round may spend, in the budget's unit.
        asked: questions of earlier rounds.
        answered: those of them that have an answer.
    """

    def __init__(
        self,
        bench: Workbench,
        round: int,
        chunks: Sequence[Chunk],
        amount: float,
        asked: Sequence[Query],
        answered: Sequence[Answered],
    ) -> None:
        self.bench, self.round, self.chunks = bench, round, chunks
        self.amount, self.asked, self.answered = amount, asked, answered
        self.first = bench.model(round) is None
        self.chance = bench.chance.child(round, Stage.PICK.value)

    @property
    def left(self) -> bool:
        """Whether anything is left to ask."""
        return self._survey.rows > 0

    @property
    def share(self) -> FloatArray | None:
        """(C,) share of the pixels of all rows predicted as each class, where the rows tell it."""
        return None if self._survey.share is None else np.asarray(self._survey.share / self._survey.pixels)

    def rows(self) -> Rows:
        """The picked rows, best first, with their final score in ``arrays["score"]``; empty when nothing is left.

        Of several shards the first rows of each of the pick's orders are held (``Ordered``), more where these turn out
        too few; a pick without orders holds all.

        Raises:
            SeglensError: a score that is not finite; a pick that went past the budget.
        """
        if not self.left:
            return Rows.concat([])
        pick, whole = self.bench.pick(self.first), self._survey.whole
        affordable = self.amount / whole.mean_cost if whole.mean_cost else inf
        kept = ceil(min(max(FIRST * affordable, FEWEST * self.bench.rows_at_once), whole.rows)) + 1
        whole = replace(whole, kept=kept)
        while True:
            known, rows, part = self._held(whole)
            known.arrays["paid"] = clicks_paid(known, self.answered)
            budget = self._allowance(rows, part)
            try:
                chosen = pick.choose(rows, rows.arrays["score"], budget, self._state(known), self.chance)
            except TooFewRows as few:
                whole = self._wider(whole, part, few)
                continue
            if budget.costs[chosen].sum() > self.amount + 1e-9 or len(set(chosen)) != len(chosen):
                raise self._bug("went past the budget or repeated a row")
            return rows.take(np.asarray(chosen, dtype=np.int64))

    def _wider(self, whole: Whole, part: Whole, few: TooFewRows) -> Whole:
        """What to keep where that was too few: first what could still be paid for, then more of everything."""
        if not (part.cut or part.dear):
            raise self._bug("asks for more rows than the pool has")
        if few.left is not None and few.order not in whole.left:
            return replace(whole, left={**whole.left, few.order: few.left})
        return replace(whole, kept=max(WIDER * whole.kept, few.wanted))

    def _bug(self, what: str) -> SeglensError:
        name = (self.bench.config.start if self.first else self.bench.config.pick).name
        return SeglensError(f"pick '{name}' {what}: a bug in the part")

    def _held(self, whole: Whole) -> tuple[Rows, Rows, Whole]:
        """The rows of which nothing is left to ask; those to choose from; of which pool they are a part."""
        pick = self.bench.pick(self.first)
        known: list[Rows] = []
        held: list[Rows] = []
        cut: set[str] = set()
        dear: set[str] = set()
        for shard in self._shards():
            known.append(_without_others(shard.take(np.flatnonzero(shard.fresh == 0))))
            held.append(_without_others(shard.take(np.flatnonzero(shard.fresh > 0))))
            if len(self._survey.shards) == 1 or not len(held[-1]) or not isinstance(pick, Ordered):
                continue
            rows = self._joined(held)
            budget = self._allowance(rows, whole)
            orders = pick.orders(rows, rows.arrays["score"], budget, self._state(None), self.chance)
            if orders is None:
                continue
            kept = {name: whole.first(name, order, budget.costs) for name, order in orders.items()}
            dear |= {name for name, order in orders.items() if len(order) > len(kept[name])}
            # of an order with something left to spend all may be there that could still be paid for
            cut |= {name for name in dear if len(kept.get(name, ())) == whole.kept * (1 + (name in whole.left))}
            held = [_without_others(rows.take(np.unique(np.concatenate(list(kept.values())))))]
        return self._joined(known), self._joined(held), replace(whole, cut=frozenset(cut), dear=frozenset(dear))

    def _joined(self, parts: Sequence[Rows]) -> Rows:
        rows = Rows.concat(parts)
        rows.sums = self._survey.sums  # of the pool in each part: not to be added
        return rows

    def _shards(self) -> Iterator[Rows]:
        """The rows with their final score, and in round 0 with their image's place in ``arrays["order"]``."""
        score = self.bench.score_of(self.round)
        for chunks in self._survey.shards:
            rows = Rows.concat([chunk_rows(self.bench, self.round, chunk) for chunk in chunks])
            rows.sums = self._survey.sums
            final = score.finish(rows)
            if not np.isfinite(final).all():
                found = f"for image '{rows.images[~np.isfinite(final)][0]}' in round {self.round}"
                raise SeglensError(f"score '{self.bench.config.score.name}' is not finite {found}")
            rows.arrays["score"] = final
            if self.first:
                # nothing is left to ask of an image without a place
                rows.arrays["order"] = np.array([self._places.get(image, inf) for image in rows.images], np.float64)
            yield rows

    @cached_property
    def _survey(self) -> _Survey:
        found = _Survey()
        held = 0
        for chunk in self.chunks:
            rows = chunk_rows(self.bench, self.round, chunk, only={"share"})
            if not found.shards or held + len(rows) > self.bench.rows_at_once:
                found.shards.append([])
                held = 0
            found.shards[-1].append(chunk)
            held += len(rows)
            for name, value in rows.sums.items():
                found.sums[name] = found.sums[name] + value if name in found.sums else value
            if "share" in rows.arrays:
                share = rows.sizes @ rows.arrays["share"]
                found.share = share if found.share is None else found.share + share
                found.pixels += int(rows.sizes.sum())
            fresh = rows.take(np.flatnonzero(rows.fresh > 0))
            if len(fresh):
                costs = self._costs(fresh)
                found.rows, found.cost = found.rows + len(fresh), found.cost + float(costs.sum())
                found.cheapest = min(found.cheapest, float(costs.min()))
                found.images += dict.fromkeys(fresh.images)
        return found

    @cached_property
    def _places(self) -> dict[ImageId, int]:
        whole = self._survey.whole
        most = ceil(self.amount / whole.cheapest) if whole.cheapest else whole.images
        return image_places(self.bench, self._survey.images, most)

    def _allowance(self, rows: Rows, whole: Whole | None) -> Allowance:
        return Allowance(self.bench.config.budget.unit, self.amount, self._costs(rows), whole)

    def _costs(self, rows: Rows) -> FloatArray:
        config = self.bench.config
        most = float(CELL**2) if config.answer is AnswerKind.POINT else inf
        estimates = estimate_rows(rows, config.answer, self.bench.oracle, self.first)
        return row_costs(rows, estimates, config.budget.unit, self.bench.unit_pixels, most)

    def _state(self, known: Rows | None) -> RoundState:
        by_image = Counter(query.image for query in self.asked)
        return RoundState(self.round, self.bench.config.rounds, len(self.bench.data.classes), by_image, known)


def _without_others(rows: Rows) -> Rows:
    """The rows, with the keys of their own images alone."""
    return replace(rows, keys={image: rows.keys[image] for image in set(rows.images)})


def holds_all(bench: Workbench) -> bool:
    """Whether one of the run's picks has to see every row of the pool together."""
    none = np.zeros(0)
    budget, state = Allowance(bench.config.budget.unit, 0.0, none), RoundState(1, 2, len(bench.data.classes))
    for pick in (bench.pick(first=True), bench.pick(first=False)):
        if not isinstance(pick, Ordered) or pick.orders(Rows.concat([]), none, budget, state, bench.chance) is None:
            return True
    return False


def clicks_paid(rows: Rows, answered: Sequence[Answered]) -> FloatArray:
    """(R,) clicks that the answer about each row's region has cost; NaN where none is about just that region."""
    paid = {(a.query.image, a.query.region.key, a.query.region.index): a.answer.cost.clicks for a in answered}
    places = zip(rows.images, rows.regions.tolist(), strict=True)
    return np.array([paid.get((image, rows.keys[image], number), np.nan) for image, number in places], np.float64)


def image_places(bench: Workbench, images: Sequence[ImageId], most: int) -> dict[ImageId, int]:
    """The place of each image in round 0: farthest first over encoder features, so that the first images differ.

    Without cached features (finetune) the order is drawn by chance; so are, of more than ``SPREAD_AMONG`` images, those
    that are looked at, and of more than ``SPREAD_ALL``, the places behind the first ``most``.
    """
    ids = sorted(images)
    drawn: list[ImageId] = [ids[place] for place in bench.chance.child("order").numpy().permutation(len(ids))]
    if bench.cache is not None:
        among = ids if len(ids) <= SPREAD_AMONG else sorted(drawn[:SPREAD_AMONG])
        first = k_center(bench.cache.pooled(among), len(among) if len(ids) <= SPREAD_ALL else most)
        drawn = list(dict.fromkeys([*(among[place] for place in first), *drawn]))
    return {id: place for place, id in enumerate(drawn)}
