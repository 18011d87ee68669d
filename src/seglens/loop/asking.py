"""Questions of picked rows: each with its reason, and what the model saw of its image then."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seglens.acquisition.reasons import first_round_reason, mean_of, reason
from seglens.files import encode_id, read_arrays, write_arrays
from seglens.functional.run_lengths import encode
from seglens.loop.nearness import nearness
from seglens.loop.scoring import ScoreChunks, load_regions
from seglens.loop.workbench import Workbench
from seglens.oracles.cost import estimate
from seglens.types import (
    ByteArray,
    FloatArray,
    ImageId,
    PixelScore,
    Query,
    Region,
    RegionSet,
    Rows,
    SeglensError,
    Stage,
)


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
