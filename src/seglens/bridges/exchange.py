"""A run's masks to a folder of another tool, and that tool's masks as answers to the run's questions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seglens.bridges.album import Album, check_names, refuse_twice
from seglens.bridges.answers import Answers, answer_from
from seglens.bridges.formats import format_named
from seglens.bridges.pictures import Beside, Pictures, fresh_folder
from seglens.bridges.unpacked import unpacked
from seglens.protocols import Progress
from seglens.store import Repository
from seglens.types import Answer, ByteArray, ImageId, Query, SeglensError

EVENT = "imported"


@dataclass(frozen=True)
class Imported:
    """What came of an import: the images read, those without an open question among them, and the answers."""

    images: list[ImageId]
    without_question: list[ImageId]
    found: Answers
    notes: dict[str, int]

    @property
    def answers(self) -> list[Answer]:
        """The answers."""
        return self.found.answers


def export_masks(
    out: Path,
    format: str,
    album: Album,
    ids: Sequence[ImageId],
    mask_of: Callable[[ImageId], ByteArray],
    beside: Beside = Beside.COPY,
    progress: Progress | None = None,
) -> None:
    """Write masks in a format.

    Args:
        out: the folder; empty, or not there yet. It appears as a whole, or not at all.
        format: the format's name.
        album: the run's images and classes.
        ids: the images.
        mask_of: gives the (H, W) uint8 classes of an image, IGNORE = unlabelled.
        beside: what becomes of the pictures.
        progress: called with (images done, images in all).

    Raises:
        SeglensError: an unknown format, a folder that is not empty, or something that the format cannot hold.
    """
    write = format_named(format).write
    check_names(album.classes, ids)

    def masks() -> Iterator[tuple[ImageId, ByteArray]]:
        for done, id in enumerate(ids):
            if progress is not None:
                progress(done, len(ids))
            mask = mask_of(id)
            album.check_size(id, (mask.shape[0], mask.shape[1]), "labels")
            yield id, mask

    with fresh_folder(out) as folder:
        write(folder, masks(), album, Pictures(album.data, beside))


def read_masks(place: Path, format: str, album: Album) -> Iterator[tuple[ImageId, ByteArray]]:
    """The masks in a format, one by one.

    Args:
        place: a file or folder, as the format has it, or a zip file of the folder.
        format: the format's name.
        album: the run's images and classes.

    Raises:
        SeglensError: whatever is wrong with the files; they are checked as they are read.
    """
    read = format_named(format).read
    if not place.exists():
        raise SeglensError(f"{place}: no such file or folder")
    with unpacked(place) as found:
        yield from refuse_twice(read(found, album), str(place))


def import_masks(
    place: Path,
    format: str,
    album: Album,
    queries: Sequence[Query],
    annotator: str,
    share: float = 0.9,
    progress: Progress | None = None,
) -> Imported:
    """Read masks as answers to open questions. Nothing is stored: ``store`` does that.

    Args:
        place: a file or folder, as the format has it.
        format: the format's name.
        album: the run's images and classes.
        queries: the open questions.
        annotator: who drew the masks.
        share: the least share of a question's pixels that has to be labelled.
        progress: called with (images read, 0).

    Raises:
        SeglensError: whatever is wrong with the files.
    """
    asked: dict[ImageId, list[Query]] = {}
    for query in queries:
        asked.setdefault(query.image, []).append(query)
    images: list[ImageId] = []
    found = Answers()
    for id, mask in read_masks(place, format, album):
        images.append(id)
        answer_from(mask, asked.get(id, ()), annotator, share, found)
        if progress is not None:
            progress(len(images), 0)
    return Imported(images, [id for id in images if id not in asked], found, dict(album.notes))


def store(repo: Repository, imported: Imported, format: str, place: Path, annotator: str) -> int:
    """Store an import's answers and that it happened. Returns how many were new."""
    new = repo.add_answers(imported.answers)
    told: dict[str, Any] = {"format": format, "from": str(place), "annotator": annotator}
    repo.log(EVENT, None, None, **told, images=len(imported.images), answers=new)
    return new
