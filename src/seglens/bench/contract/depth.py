"""The contract of a depth source: the same maps whoever asks, in whatever order, and however they came to be."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from seglens.bench.contract.finding import Finding, found, said
from seglens.bench.contract.school import IMAGES, SIZE, School
from seglens.bench.contract.strategy import Strategy
from seglens.config import PartConfig
from seglens.data import open_data
from seglens.data.streets import Streets, StreetsParams
from seglens.protocols import DepthSource, PartContext
from seglens.registry import depths
from seglens.types import ByteArray, FloatArray, ImageId, Item

MAPS = (SIZE[0] // 2, SIZE[1] // 2)
"""(h, w) of the maps asked for."""
CLOSE = 1e-4
"""How far maps may move with the batch."""


def check_depth(strategy: Strategy, school: School, together: bool = False) -> list[Finding]:
    """Every check on one depth source, in order; where it does not run at all, the last finding says so.

    Args:
        strategy: what is checked.
        school: what trials share.
        together: makes no difference here: maps are quick.
    """
    with tempfile.TemporaryDirectory(dir=school.folder) as folder:
        view = _View(PartConfig.model_validate(strategy.choices["depth"]), school, Path(folder))
        try:
            plain = view.maps(view.source("plain"))
        except Exception as error:  # somebody's part may raise anything; the user is told what
            return [Finding("runs", said(error))]
        return [Finding("runs"), *(found(name, check, view, plain) for name, check in CHECKS.items())]


class _Measured:
    """The tiny pool, its streets' exact distances with it: some sources read them.

    Args:
        pool: the images.
    """

    def __init__(self, pool: PartConfig) -> None:
        self.data, self.streets = open_data(pool), Streets(StreetsParams(images=IMAGES, size=SIZE))
        self.classes, self.ids = self.data.classes, self.data.ids

    def item(self, id: ImageId) -> Item:
        """As the pool's."""
        return self.data.item(id)

    def image(self, id: ImageId) -> ByteArray:
        """As the pool's."""
        return self.data.image(id)

    def fingerprint(self) -> str:
        """As the pool's."""
        return self.data.fingerprint()

    def depth(self, id: ImageId) -> FloatArray:
        """(H, W) metres."""
        return self.streets.depth(id)


@dataclass(frozen=True)
class _View:
    """A depth source on the tiny pool.

    Args:
        part: what is checked.
        school: what trials share.
        folder: of what sources keep.
    """

    part: PartConfig
    school: School
    folder: Path

    @cached_property
    def ids(self) -> Sequence[ImageId]:
        """The images."""
        return open_data(self.school.pool).ids

    @cached_property
    def predicted(self) -> dict[ImageId, Tensor]:
        """(h, w) classes that a model would say: those of another image, so that no source is told the truth."""
        truth = Streets.labels(StreetsParams(images=IMAGES, size=SIZE))
        said = [torch.from_numpy(truth.label(id)[::2, ::2]).long().clamp(max=18) for id in self.ids]
        return dict(zip(self.ids, said[1:] + said[:1], strict=True))

    def source(self, cache: str, pool: PartConfig | None = None) -> DepthSource:
        """The source, built anew; what it keeps lies in ``cache``."""
        data = _Measured(pool or self.school.pool)
        source: DepthSource = depths.build(self.part, PartContext(data.classes, data, self.folder / cache, SIZE))
        return source

    def maps(self, source: DepthSource) -> Tensor:
        """(N, h, w) of all images at once, in their order."""
        source.prepare(self.ids)
        return self.asked(source, self.ids)

    def asked(self, source: DepthSource, ids: Sequence[ImageId]) -> Tensor:
        """(N, h, w) of these images."""
        return source.proximity(ids, MAPS, lambda: torch.stack([self.predicted[id] for id in ids]))


def _in_range(view: _View, plain: Tensor) -> str:
    """Maps are as large as asked for, float32, finite, in [0, 1]."""
    wanted = (len(view.ids), *MAPS)
    if tuple(plain.shape) != wanted or plain.dtype is not torch.float32:
        return f"the maps are {tuple(plain.shape)} of {plain.dtype}; allowed: {wanted} of torch.float32"
    if not bool(plain.isfinite().all()):
        return "a map holds numbers that are not finite"
    low, high = float(plain.min()), float(plain.max())
    return "" if low >= 0 and high <= 1 else f"the maps go from {low:.3g} to {high:.3g}; allowed: 0 to 1"


def _sent(view: _View, plain: Tensor) -> str:
    """It can be pickled, and gives the same in a worker."""
    return _differ(plain, view.maps(pickle.loads(pickle.dumps(view.source("plain")))), 0.0, "in a worker")


def _deterministic(view: _View, plain: Tensor) -> str:
    """Built anew, with nothing kept, it gives the same maps to the bit."""
    return _differ(plain, view.maps(view.source("again")), 0.0, "when everything is computed again")


def _batch(view: _View, plain: Tensor) -> str:
    """One image at a time, the last one first, gives the same maps."""
    source = view.source("plain")
    alone = [view.asked(source, [id]) for id in reversed(view.ids)]
    return _differ(plain, torch.cat(alone[::-1]), CLOSE, "one image at a time, in another order")


def _resumes(view: _View, plain: Tensor) -> str:
    """Killed after a part was computed ahead, it goes on to the same maps."""
    view.source("resumed").prepare(view.ids[:2])

    def kill(done: int, _total: int) -> None:
        raise _Killed

    with suppress(_Killed):
        view.source("resumed").prepare(view.ids, kill)
    return _differ(plain, view.maps(view.source("resumed")), 0.0, "when computing ahead was killed and went on")


class _Killed(Exception):
    """The end of a process, as far as it can be played."""


def _no_label_seen(view: _View, plain: Tensor) -> str:
    """With another truth of every image it gives the same maps."""
    poisoned = view.maps(view.source("poisoned", view.school.poisoned))
    return _differ(plain, poisoned, 0.0, "when the truth changes: it sees labels")


CHECKS: dict[str, Callable[[_View, Tensor], str]] = {
    "in range": _in_range,
    "can be sent to a worker": _sent,
    "deterministic": _deterministic,
    "batch size": _batch,
    "resume": _resumes,
    "no label seen": _no_label_seen,
}


def _differ(plain: Tensor, other: Tensor, within: float, when: str) -> str:
    if plain.shape != other.shape:
        return f"the maps are {tuple(other.shape)} and not {tuple(plain.shape)} {when}"
    most = float((plain - other).abs().max())
    return "" if most <= within else f"the maps move, by {most:.2g} at most, {when}"
