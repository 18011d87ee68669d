"""The pick stage: which rows become questions, and why each is asked."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seglens.acquisition.reasons import first_round_reason, mean_of, reason
from seglens.files import encode_id, read_arrays, write_arrays
from seglens.functional.cells import CELL
from seglens.functional.k_center import k_center
from seglens.functional.run_lengths import encode
from seglens.loop.budget import row_costs
from seglens.loop.nearness import nearness
from seglens.loop.scoring import ScoreChunks, load_regions
from seglens.loop.workbench import Workbench
from seglens.oracles.cost import estimate, estimate_rows
from seglens.types import (
    Allowance,
    Answered,
    AnswerKind,
    ByteArray,
    FloatArray,
    ImageId,
    PixelScore,
    Query,
    Region,
    RegionSet,
    RoundState,
    Rows,
    SeglensError,
    Stage,
)


def choose_rows(
    bench: Workbench,
    round: int,
    rows: Rows,
    amount: float,
    asked: Sequence[Query],
    answered: Sequence[Answered],
) -> Rows:
    """The picked rows, best first, with their final score in ``arrays["score"]``; empty when nothing is left to ask.

    Args:
        bench: the run.
        round: its round.
        rows: all rows of the round.
        amount: what the round may spend, in the budget's unit.
        asked: questions of earlier rounds.
        answered: those of them that have an answer.
    """
    config = bench.config
    first = bench.model(round) is None
    final = bench.score_of(round).finish(rows)
    if not np.isfinite(final).all():
        image = rows.images[~np.isfinite(final)][0]
        raise SeglensError(f"score '{config.score.name}' is not finite for image '{image}' in round {round}")
    rows.arrays["score"] = final
    known, rows = rows.take(np.flatnonzero(rows.fresh == 0)), rows.take(np.flatnonzero(rows.fresh > 0))
    known.arrays["paid"] = clicks_paid(known, answered)
    if first:
        rows.arrays["order"] = image_order(bench, rows)
    most = float(CELL**2) if config.answer is AnswerKind.POINT else np.inf
    costs = row_costs(
        rows, estimate_rows(rows, config.answer, bench.oracle, first), config.budget.unit, bench.unit_pixels, most
    )
    by_image = Counter(query.image for query in asked)
    state = RoundState(round, config.rounds, len(bench.data.classes), by_image, known)
    chance = bench.chance.child(round, Stage.PICK.value)
    allowance = Allowance(config.budget.unit, amount, costs)
    chosen = bench.pick(first).choose(rows, rows.arrays["score"], allowance, state, chance)
    if costs[chosen].sum() > amount + 1e-9 or len(set(chosen)) != len(chosen):
        raise SeglensError(f"pick '{config.pick.name}' went past the budget or repeated a row: a bug in the part")
    return rows.take(np.asarray(chosen, dtype=np.int64))


def clicks_paid(rows: Rows, answered: Sequence[Answered]) -> FloatArray:
    """(R,) clicks that the answer about each row's region has cost; NaN where none is about just that region."""
    paid = {(a.query.image, a.query.region.key, a.query.region.index): a.answer.cost.clicks for a in answered}
    places = zip(rows.images, rows.regions.tolist(), strict=True)
    return np.array([paid.get((image, rows.keys[image], number), np.nan) for image, number in places], np.float64)


def image_order(bench: Workbench, rows: Rows) -> FloatArray:
    """(R,) rank of each row's image for round 0: farthest first over encoder features, so that the first images differ.

    Without cached features (finetune) the order is drawn by chance.
    """
    ids = sorted(set(rows.images.tolist()))
    if bench.cache is not None:
        order = k_center(bench.cache.pooled(ids), len(ids))
    else:
        order = bench.chance.child("order").numpy().permutation(len(ids))
    rank = {ids[position]: place for place, position in enumerate(order)}
    return np.array([rank[id] for id in rows.images], np.float64)


def make_queries(bench: Workbench, work: ScoreChunks, picked: Rows, share: FloatArray | None) -> list[Query]:
    """Questions for the picked rows, in their order; writes each asked image's compact maps.

    Evidence is computed once more, on the picked images only: it gives the prediction at the time of asking, the
    score map and the reasons. Regions that followed the score were kept when it was made.

    Args:
        bench: the run.
        work: the round's scoring.
        picked: the picked rows.
        share: (C,) share of the pool predicted as each class, or None.
    """
    by_image: dict[ImageId, list[int]] = {}
    for position, image in enumerate(picked.images):
        by_image.setdefault(image, []).append(position)
    net = bench.net(work.round)
    score, cut = bench.score_of(work.round), bench.cut_of(work.round)
    needs = score.needs | ({"probs"} if net is not None else set())
    chance = bench.chance.child(work.round, "cut")
    queries: dict[int, Query] = {}
    for chunk in bench.chunks([id for id in bench.pool if id in by_image]):
        ev = bench.evidence(chunk.images, work.round, Stage.SCORE, needs, net, work.regions)
        px = score.pixels(ev)
        if cut.partition:
            found = cut.regions(None, ev, chance)
        else:
            found = [load_regions(bench, work.round, id) for id in chunk.images]
        for i, region_set in enumerate(found):
            positions = by_image[region_set.image]
            if region_set.key != picked.keys[region_set.image]:
                raise SeglensError(
                    f"image '{region_set.image}' or its regions changed after they were scored: delete "
                    f"{bench.folder(work.round) / 'rows'} and go on with --resume; nothing else is lost"
                )
            probs = ev.probs[i].cpu().numpy() if net is not None else None
            if probs is not None:
                _write_maps(bench, work.round, region_set.image, probs, px, i)
            near = nearness(bench, region_set.image, probs) if "proximity" not in px.names else None
            about = _Then(probs, px.names, share, near)
            for position in positions:
                queries[position] = _query(bench, work.round, picked, position, region_set, about)
    return [queries[position] for position in range(len(picked))]


@dataclass(frozen=True)
class _Then:
    """What the model said of one image at the time of asking; the names of the maps that rows hold means of; (h, w)
    how near it is, where that is none of them."""

    probs: FloatArray | None
    names: tuple[str, ...]
    share: FloatArray | None
    near: FloatArray | None


def _query(bench: Workbench, round: int, rows: Rows, position: int, regions: RegionSet, then: _Then) -> Query:
    number = int(rows.regions[position])
    mask = regions.labels == number
    region = Region(regions.image, mask.shape, encode(mask), regions.key, number)
    digest = hashlib.sha256(repr((bench.config.seed, bench.config.digest(), round, region.image)).encode())
    digest.update(region.runs.tobytes())
    value = float(rows.arrays["score"][position])
    size = bench.config.model.size
    means = {"proximity": mean_of(then.near, region, size)} if then.near is not None else {}
    if then.probs is None:
        why = first_round_reason(region, bench.data.classes, maps=means)
    else:
        means |= {name: float(rows.arrays["dense"][position, k]) for k, name in enumerate(then.names)}
        why = reason(region, size, then.probs, value, then.share, bench.data.classes, maps=means)
    kind = bench.config.answer
    cost = estimate(region, int(rows.fresh[position]), kind, bench.oracle, first=then.probs is None)
    return Query(digest.hexdigest()[:24], round, region, kind, value, cost, why)


def maps_path(bench: Workbench, round: int, image: ImageId) -> Path:
    """Where what the model saw of an image is kept, when it was asked about in a round."""
    return bench.folder(round) / "maps" / f"{encode_id(image)}.npz"


class Predictions(Mapping[int, ByteArray]):
    """What was predicted of an image when it was asked about, by round: (h, w) uint8, read when it is looked at.

    Args:
        paths: file of each round's maps.
    """

    def __init__(self, paths: Mapping[int, Path]) -> None:
        self._paths = paths

    def __getitem__(self, round: int) -> ByteArray:
        return read_arrays(self._paths[round], only={"prediction"})["prediction"]

    def __iter__(self) -> Iterator[int]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def _write_maps(bench: Workbench, round: int, image: ImageId, probs: FloatArray, px: PixelScore, index: int) -> None:
    maps = {"score": px.value[index]}
    if px.dense is not None:
        maps |= dict(zip(px.names, px.dense[index], strict=True))
    compact = {name: value.cpu().numpy().astype(np.float16) for name, value in maps.items()}
    logs = np.log(np.maximum(probs, np.finfo(np.float32).tiny))
    compact["entropy"] = (-(probs * logs).sum(0) / np.log(len(probs))).astype(np.float16)
    write_arrays(maps_path(bench, round, image), prediction=probs.argmax(0).astype(np.uint8), **compact)
