"""The stream of the score stage: evidence, pixel score, cut, rows, chunk by chunk; the missing chunks resume it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seglens.acquisition.rows import reduce_rows
from seglens.files import encode_id, read_arrays, write_arrays
from seglens.loop.workbench import Workbench
from seglens.protocols import Tallying
from seglens.types import Chunk, ImageId, Region, RegionSet, Rows, SeglensError, Stage

ALWAYS = ("ids", "keys", "image", "region", "size", "fresh", "sum.*")
"""What every file of rows has, beside their arrays."""
REGIONS = "regions"
"""Folder of a round's candidates where the cut follows the score; needed until they are picked from."""


@dataclass(frozen=True)
class ScoreChunks:
    """What a worker is given: it builds parts and model once, then turns chunks into rows. Picklable.

    Args:
        bench: the run.
        round: its round.
        asked: the regions asked about so far, by image.
    """

    bench: Workbench
    round: int
    asked: Mapping[ImageId, Sequence[Region]]

    def __call__(self) -> Callable[[Chunk], Rows]:
        """The work itself."""
        traits = self.bench.traits(self.round)
        net = self.bench.net(self.round) or (self.bench.untrained(self.round) if traits.names else None)
        score = self.bench.score_of(self.round)
        cut = self.bench.cut_of(self.round)
        chance = self.bench.chance.child(self.round, "cut")
        needs = score.needs | traits.needs | getattr(cut, "needs", frozenset())

        def rows_of(chunk: Chunk) -> Rows:
            ev = self.bench.evidence(chunk.images, self.round, Stage.SCORE, needs, net, self.regions)
            px = score.pixels(ev)
            regions = cut.regions(None if cut.partition else px, ev, chance)
            if not cut.partition:
                for region_set in regions:
                    save_regions(self.bench, self.round, region_set)
            asked = [ev.asked(index) for index in range(len(ev.ids))]
            rows = reduce_rows(px, regions, asked, self.bench.config.model.size, traits.of(ev))
            if isinstance(score, Tallying):
                rows.sums |= score.tally(rows)
            return rows

        return rows_of

    def regions(self, id: ImageId) -> Sequence[Region]:
        """The regions of an image that were asked about."""
        return self.asked.get(id, ())


@dataclass(frozen=True)
class WriteChunks:
    """What an engine's worker is given: each chunk's rows become a file, whole or not at all. Picklable.

    Args:
        score: makes the rows.
    """

    score: ScoreChunks

    def __call__(self) -> Callable[[Chunk], int]:
        """The work itself: writes a chunk's rows and returns how many there are."""
        bench, round, rows_of = self.score.bench, self.score.round, self.score()

        def write(chunk: Chunk) -> int:
            rows = rows_of(chunk)
            bad = ~np.isfinite(rows.arrays["value"])
            if bad.any():
                raise SeglensError(
                    f"score '{bench.config.score.name}' is not finite for image '{rows.images[bad][0]}' in round "
                    f"{round} ({int(bad.sum())} regions of its chunk)"
                )
            save_rows(_path(bench, round, chunk), rows)
            return len(rows)

        return write


def score_pool(work: ScoreChunks, chunks: Sequence[Chunk], report: Callable[[int, int], None]) -> None:
    """Write the rows of every chunk under the round's ``rows/``; those already there are kept.

    Raises:
        SeglensError: a score that is not finite, with the image it belongs to; what the engine says.
    """
    bench = work.bench
    missing = [chunk for chunk in chunks if not _path(bench, work.round, chunk).exists()]
    done = len(chunks) - len(missing)
    report(done, len(chunks))
    for _ in bench.engine.run(WriteChunks(work), missing):
        done += 1
        report(done, len(chunks))


def chunk_rows(bench: Workbench, round: int, chunk: Chunk, only: Collection[str] | None = None) -> Rows:
    """The rows of a chunk that was scored; ``only`` some of their arrays."""
    return load_rows(_path(bench, round, chunk), only)


def load_pool(bench: Workbench, round: int, chunks: Sequence[Chunk]) -> Rows:
    """All rows of a round, in the order of the chunks."""
    return Rows.concat([chunk_rows(bench, round, chunk) for chunk in chunks])


def image_scores(bench: Workbench, round: int, chunks: Sequence[Chunk]) -> Iterator[tuple[ImageId, float]]:
    """The mean pixel score of each image over its candidates, from the rows on disk, a chunk at a time."""
    for chunk in chunks:
        rows = chunk_rows(bench, round, chunk, only={"value"})
        ids, index = np.unique(rows.images.astype(str), return_inverse=True)
        total, pixels = (np.bincount(index, each) for each in (rows.sizes * rows.arrays["value"], rows.sizes))
        yield from zip(ids.tolist(), (total / pixels).tolist(), strict=True)


def save_regions(bench: Workbench, round: int, regions: RegionSet) -> None:
    """Keep the candidates of an image that were cut by its score: else pick would have to make it again, to the bit."""
    write_arrays(
        _regions(bench, round, regions.image),
        labels=regions.labels,
        count=np.array(regions.count),
        key=np.array(regions.key),
    )


def load_regions(bench: Workbench, round: int, image: ImageId) -> RegionSet:
    """What ``save_regions`` kept."""
    stored = read_arrays(_regions(bench, round, image))
    return RegionSet(image, str(stored["key"]), stored["labels"], int(stored["count"]))


def _regions(bench: Workbench, round: int, image: ImageId) -> Path:
    return bench.folder(round) / REGIONS / f"{encode_id(image)}.npz"


def _path(bench: Workbench, round: int, chunk: Chunk) -> Path:
    return bench.folder(round) / "rows" / f"{chunk.id:06d}.npz"


def save_rows(path: Path, rows: Rows) -> None:
    """Write rows to one file; ids as positions in a table of them."""
    ids, index = np.unique(rows.images.astype(str), return_inverse=True)
    arrays = {f"array.{name}": values for name, values in rows.arrays.items()}
    sums = {f"sum.{name}": values for name, values in rows.sums.items()}
    write_arrays(
        path,
        ids=ids,
        keys=np.array([rows.keys[id] for id in ids.tolist()], dtype=str),
        image=index.astype(np.int32),
        region=rows.regions,
        size=rows.sizes,
        fresh=rows.fresh,
        **arrays,
        **sums,
    )


def load_rows(path: Path, only: Collection[str] | None = None) -> Rows:
    """Rows written by ``save_rows``, with all of their arrays or those named."""
    wanted = None if only is None else (*ALWAYS, *(f"array.{name}" for name in only))
    stored = read_arrays(path, wanted)
    ids = stored["ids"].astype(object)
    return Rows(
        ids[stored["image"]] if len(ids) else np.zeros(0, object),
        stored["region"],
        stored["size"],
        stored["fresh"],
        {name.removeprefix("array."): v for name, v in stored.items() if name.startswith("array.")},
        {name.removeprefix("sum."): v for name, v in stored.items() if name.startswith("sum.")},
        dict(zip(ids.tolist(), stored["keys"].tolist(), strict=True)),
    )
