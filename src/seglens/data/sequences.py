"""Some sequences of another dataset, or a stretch of each: what is tuned on stays apart from what is measured on."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from pydantic import Field, field_validator, model_validator

from seglens.config import Params, PartConfig
from seglens.data.subset import SubsetImages, SubsetLabels, truth
from seglens.protocols import SegDataset
from seglens.registry import datasets
from seglens.types import ImageId, SeglensError

_NAMED = 20
_WHAT = "these sequences"


class SequencesParams(Params):
    """Which sequences, and from where to where in each."""

    of: PartConfig = Field(description="the dataset that is parted, {name, ...}")
    only: tuple[str, ...] = Field((), description="sequences (groups of images) to keep; empty = all")
    without: tuple[str, ...] = Field((), description="sequences to leave out")
    first: float = Field(0.0, ge=0, lt=1, description="where the stretch of each sequence begins, fraction of frames")
    last: float = Field(1.0, gt=0, le=1, description="where it ends, fraction of its frames")

    @field_validator("of")
    @classmethod
    def _known(cls, of: PartConfig) -> PartConfig:
        """Check the dataset's own keys."""
        datasets.params(of)
        return of

    @field_validator("only", "without", mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _forward(self) -> SequencesParams:
        if self.first >= self.last:
            raise ValueError(f"last: found {self.last}, allowed are fractions above first = {self.first}")
        return self


@datasets.register("sequences")
class Sequences(SubsetImages):
    """Some sequences of another dataset, and of each the same stretch; the order is the dataset's.

    A sequence's frames are ordered by name, numbers by their value, whatever the folder of a frame: with CamVid's
    ``splits: [train, val]`` a stretch runs through both. Stretches that share a border (0 to 0.67, 0.67 to 1) share no
    frame and leave none out.

    Raises:
        SeglensError: an unknown sequence, or nothing is left.
    """

    Params = SequencesParams

    def __init__(self, params: SequencesParams) -> None:
        data: SegDataset = datasets.build(params.of)
        super().__init__(data, _ids(params, data), _WHAT)

    @classmethod
    def labels(cls, params: SequencesParams) -> SubsetLabels:
        """The truth of the same images."""
        return SubsetLabels(truth(params.of), _ids(params, datasets.build(params.of)), _WHAT)


def _ids(params: SequencesParams, data: SegDataset) -> tuple[ImageId, ...]:
    """The ids that are kept, in the dataset's order."""
    groups = _groups(params.of.model_dump_json(), data.fingerprint())
    for key in ("only", "without"):
        for name in getattr(params, key):
            if name not in groups:
                raise SeglensError(
                    f"data 'sequences': key '{key}': unknown sequence '{name}'. Allowed: {_some(groups)}"
                )
    wanted = set(params.only or groups) - set(params.without)
    kept = {id for name in wanted for id in _stretch(groups[name], params.first, params.last)}
    if not kept:
        raise SeglensError(
            f"data 'sequences': no image of '{params.of.name}' is left after only, without, first and last; it has the "
            f"sequences {_some(groups)}"
        )
    return tuple(id for id in data.ids if id in kept)


@lru_cache(16)
def _groups(part: str, fingerprint: str) -> dict[str, tuple[ImageId, ...]]:
    """The ids of each sequence, in its order; by ``fingerprint``, so that changed files are read again."""
    data: SegDataset = datasets.build(PartConfig.model_validate_json(part))
    groups: dict[str, list[ImageId]] = {}
    for id in data.ids:
        groups.setdefault(data.item(id).group, []).append(id)
    return {name: tuple(sorted(ids, key=_by_name)) for name, ids in sorted(groups.items())}


def _by_name(id: ImageId) -> tuple[list[str | int], ImageId]:
    """Sorts ``frame_9`` before ``frame_10``: every other piece is a number."""
    pieces = re.split(r"(\d+)", id.rpartition("/")[2])
    return [int(piece) if number % 2 else piece for number, piece in enumerate(pieces)], id


def _stretch(ids: tuple[ImageId, ...], first: float, last: float) -> tuple[ImageId, ...]:
    return ids[round(first * len(ids)) : round(last * len(ids))]


def _some(groups: dict[str, tuple[ImageId, ...]]) -> str:
    names = list(groups)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return (", ".join(names[:_NAMED]) or "none") + more
