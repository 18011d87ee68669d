"""The pool's images in the store: registered, scored and selected a page at a time, so that no pool is held."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any, TypeVar, cast

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, func, insert, select, update
from sqlalchemy import cast as sql_cast
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from seglens.store.overlap import said
from seglens.store.repository import Repository
from seglens.store.tables import Base, ImageRow, QueryRow
from seglens.types import Chance, ImageId, Item, Purpose, Size

PAGE = 10_000
"""Images that are written or read at a time."""
IMAGES = Base.metadata.tables[ImageRow.__tablename__]
T = TypeVar("T")


class Status(StrEnum):
    """What became of an image: nothing was asked, a question to label waits for an answer, or all are answered."""

    UNLABELLED = "unlabelled"
    ASKED = "asked"
    LABELLED = "labelled"


@dataclass(frozen=True)
class PoolImage:
    """An image of the pool: its place, its native size (h, w), and its score in the last round that scored it."""

    position: int
    id: ImageId
    sequence: str
    size: Size
    score: float | None


class Pool:
    """The images of a run's pool. What became of an image is told by its questions and their answers alone."""

    def __init__(self, repo: Repository) -> None:
        self.repo = repo

    def __len__(self) -> int:
        with self.repo.transaction() as session:
            last = session.scalar(select(func.max(ImageRow.position)))
            return 0 if last is None else last + 1

    def register(self, ids: Iterable[ImageId], item: Callable[[ImageId], Item]) -> int:
        """Store the images, a page at a time; goes on behind those that are there already.

        Args:
            ids: of the whole pool, in its order.
            item: what is known of an image; called for those that are not there yet.

        Returns:
            How many were new.
        """
        first = position = len(self)
        for page in _pages(islice(ids, first, None)):
            items = [item(id) for id in page]
            rows = [
                {"position": n, "id": id, "sequence": one.group, "height": one.size[0], "width": one.size[1]}
                for n, (id, one) in enumerate(zip(page, items, strict=True), position)
            ]
            with self.repo.transaction() as session:
                _insert(session, rows)
            position += len(page)
        return position - first

    def set_scores(self, scores: Iterable[tuple[ImageId, float]]) -> None:
        """Store the score of each image, a transaction a page; an id that is not of the pool is passed over."""
        changed = update(IMAGES).where(IMAGES.c.id == bindparam("of")).values(score=bindparam("value"))
        for page in _pages(scores):
            with self.repo.transaction() as session:
                session.connection().execute(changed, [{"of": id, "value": score} for id, score in page])

    def counts(self) -> dict[Status, int]:
        """How many images stand where."""
        asked = select(func.count(QueryRow.image.distinct())).where(QueryRow.purpose == Purpose.LABEL.value)
        with self.repo.transaction() as session:
            ever = session.scalar(asked) or 0
            waiting = session.scalar(asked.where(QueryRow.id.not_in(said()))) or 0
            return {Status.UNLABELLED: len(self) - ever, Status.ASKED: waiting, Status.LABELLED: ever - waiting}

    def pixels(self) -> int:
        """Native pixels of the whole pool."""
        with self.repo.transaction() as session:
            return int(session.scalar(select(func.sum(sql_cast(ImageRow.height, BigInteger) * ImageRow.width))) or 0)

    def images(
        self, status: Status | None = None, sequence: str | None = None, after: int = -1, page: int = PAGE
    ) -> Iterator[PoolImage]:
        """Images in the pool's order, read a page at a time.

        Args:
            status: of these alone; None = any.
            sequence: of this one alone; None = any.
            after: a position: only images behind it.
            page: images that are read at a time.
        """
        chosen = _chosen(status, sequence).order_by(ImageRow.position).limit(page)
        while True:
            with self.repo.transaction() as session:
                found = [_image(row) for row in session.execute(chosen.where(ImageRow.position > after))]
            yield from found
            if len(found) < page:
                return
            after = found[-1].position

    def top(self, k: int, status: Status | None = None, sequence: str | None = None) -> list[PoolImage]:
        """The ``k`` images of the highest scores, best first; of equal ones, those that come first in the pool.

        Images without a score are left out. Arguments as those of ``images``.
        """
        chosen = _chosen(status, sequence).where(ImageRow.score.is_not(None))
        chosen = chosen.order_by(ImageRow.score.desc(), ImageRow.position).limit(k)
        with self.repo.transaction() as session:
            return [_image(row) for row in session.execute(chosen)]

    def random(
        self, k: int, chance: Chance, status: Status | None = None, sequence: str | None = None
    ) -> list[PoolImage]:
        """``k`` images by chance, in the order drawn; an image's draw depends on its id alone.

        Reads the images once and holds ``k`` of them. Arguments as those of ``images``.
        """
        return heapq.nsmallest(k, self.images(status, sequence), key=lambda image: chance.child(image.id).seed())


def _chosen(status: Status | None, sequence: str | None) -> Select[Any]:
    columns = (ImageRow.position, ImageRow.id, ImageRow.sequence, ImageRow.height, ImageRow.width, ImageRow.score)
    where = [] if status is None else [_is(status)]
    where += [] if sequence is None else [ImageRow.sequence == sequence]
    return cast(Select[Any], select(*columns).where(*where))


def _is(status: Status) -> ColumnElement[bool]:
    asked = select(QueryRow.image).where(QueryRow.purpose == Purpose.LABEL.value)
    if status is Status.UNLABELLED:  # nearly all of them, so they are looked up one by one as they are read
        return ~asked.where(QueryRow.image == ImageRow.id).exists()
    waiting = asked.where(QueryRow.id.not_in(said()))
    if status is Status.ASKED:
        return ImageRow.id.in_(waiting)
    return ImageRow.id.in_(asked) & ImageRow.id.not_in(waiting)


def _image(row: Any) -> PoolImage:
    position, id, sequence, height, width, score = row
    return PoolImage(position, id, sequence, (height, width), score)


def _insert(session: Session, rows: list[dict[str, Any]]) -> None:
    connection = session.connection()
    if connection.dialect.name != "postgresql":
        connection.execute(insert(IMAGES), rows)
        return
    # four times as fast as INSERT
    driver: Any = connection.connection.cursor()
    command = f"COPY images ({', '.join(rows[0])}) FROM STDIN"
    try:
        with driver.copy(command) as copy:
            for row in rows:
                copy.write_row(tuple(row.values()))
    except connection.dialect.loaded_dbapi.OperationalError as error:  # as SQLAlchemy tells it of its own commands
        raise OperationalError(command, None, error) from error


def _pages(values: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(values)
    while page := list(islice(rest, PAGE)):
        yield page
