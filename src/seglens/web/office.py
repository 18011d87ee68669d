"""What every request works with: the run, its store, its images, its driver."""

from __future__ import annotations

import getpass
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from seglens.config import RunConfig
from seglens.data import open_data
from seglens.loop import Workbench, load_config
from seglens.protocols import SegDataset
from seglens.store import Repository
from seglens.store.desk import Desk
from seglens.store.people import People, Person, Role
from seglens.types import ByteArray, ClassTable, FloatArray, ImageId, Query, SeglensError, Size
from seglens.web.driver import Driver
from seglens.web.layers import MAPPED, Layers
from seglens.web.pictures import SCALES, Pictures
from seglens.web.similar import KINDS, colors_of

log = logging.getLogger("seglens.web")

Found = TypeVar("Found")
READY = 300
"""Open questions whose pictures are made before anybody asks for them."""
BELIEVED_SECONDS = 2.0
"""How long an account that was looked up is believed: a removed one is out after it."""


@dataclass
class Remembered:
    """A few values that are looked up again after a while."""

    seconds: float
    most: int = 1024
    _kept: dict[Any, tuple[float, Any]] = field(default_factory=dict)

    def get(self, key: Any, make: Callable[[], Found]) -> Found:
        """The value of ``key``, made where it is not there or too old."""
        moment = time.monotonic()
        kept = self._kept.get(key)
        if kept is not None and moment - kept[0] < self.seconds:
            value: Found = kept[1]
            return value
        value = make()
        if len(self._kept) >= self.most:
            self._kept.clear()
        self._kept[key] = (moment, value)
        return value

    def has(self, key: Any) -> bool:
        """Whether ``get`` would give the value without making it."""
        kept = self._kept.get(key)
        return kept is not None and time.monotonic() - kept[0] < self.seconds

    def forget(self) -> None:
        """Look everything up again."""
        self._kept.clear()


class Office:
    """One run being labelled.

    Args:
        run: the run's folder.
        loopback: whether only this machine reaches the server; without accounts everybody is then the owner.
        train: let rounds begin by themselves.
        claim_seconds: how long a question stays on a desk.
        sam: folder of a SAM 2 model on disk, or None.

    Raises:
        SeglensError: no run there, or one that people do not answer.
    """

    def __init__(
        self,
        run: Path,
        loopback: bool = True,
        train: bool = True,
        claim_seconds: float | None = None,
        sam: Path | None = None,
    ) -> None:
        self.run = run
        self.loopback = loopback
        self.sam = sam
        self.config: RunConfig = load_config(run)
        if self.config.ask.name != "human":
            raise SeglensError(f"{run}: key 'ask', found '{self.config.ask.name}': nobody is asked; allowed: human")
        self.data: SegDataset = open_data(self.config.data, self.config.cache)
        self.known = frozenset(self.data.ids)
        self.repo = Repository.of_run(run)
        self.desk = Desk(self.repo) if claim_seconds is None else Desk(self.repo, claim_seconds=claim_seconds)
        self.people = People(self.repo)
        self.driver = Driver(run, self.repo, float(self.config.ask.params().get("enough", 1.0)), train)
        self.pictures = Pictures(self.data, run / "web" / "pictures")
        self.layers = Layers(self.config, self.data, self.repo, self.pictures, run)
        self.colors: dict[str, FloatArray] = {}
        self._asked: dict[str, tuple[Query, int, int]] = {}
        self._groups: dict[str, list[ImageId]] = {}
        self._decoded = Remembered(120.0, most=8)
        self._stop = threading.Event()
        self.short = Remembered(BELIEVED_SECONDS)
        self.slow = Remembered(1.0)
        self.me = Person(_user(), Role.OWNER)

    @property
    def classes(self) -> ClassTable:
        """The classes of the run."""
        return self.data.classes

    @cached_property
    def unit_pixels(self) -> float:
        """Pixels in one unit of the budget, where its unit is made of pixels."""
        return Workbench(self.config, self.run).unit_pixels

    def size(self, image: ImageId) -> Size:
        """Native (h, w) of an image."""
        return self.data.item(image).size

    def accounts(self) -> bool:
        """Whether people have to say who they are."""
        return not self.loopback or self.short.get("accounts", self.people.there)

    def knows(self, token: str | None) -> bool:
        """Whether who shows this token can be said without asking the store."""
        return (not self.loopback or self.short.has("accounts")) and (token is None or self.short.has(("token", token)))

    def whose(self, token: str) -> Person | None:
        """The person whom a token lets in."""
        return self.short.get(("token", token), lambda: self.people.whose(token))

    def asked(self, id: str) -> tuple[Query, int, int]:
        """A question, its place in its round and how many that round asked; what was asked never changes.

        Raises:
            UnknownQueryError: no such question.
        """
        if id not in self._asked:
            self._asked[id] = self.desk.query(id)
        return self._asked[id]

    def query(self, id: str) -> Query:
        """A question."""
        return self.asked(id)[0]

    def groups(self) -> dict[str, list[ImageId]]:
        """The images of each sequence, in dataset order."""
        if not self._groups:
            found: dict[str, list[ImageId]] = {}
            for id in self.data.ids:
                found.setdefault(self.data.item(id).group, []).append(id)
            self._groups = found
        return self._groups

    # -- making ready -----------------------------------------------------------------------------------------------
    def begin(self) -> None:
        """Look after the driver, and make ready what the next questions show."""
        self.driver.watch()
        threading.Thread(target=self._make_ready, daemon=True, name="make-ready").start()

    def _make_ready(self) -> None:
        done: set[tuple[int, ImageId]] = set()  # maps are new in each round
        while not self._stop.is_set():
            try:
                waiting = self.desk.waiting(READY)
                self._note_colors(waiting)
                for round, id in dict.fromkeys((query.round, query.image) for query in waiting):
                    if (round, id) not in done and not self._stop.is_set():
                        self.prepare(id)
                        done.add((round, id))
            except (SeglensError, OSError, SQLAlchemyError) as error:  # whoever asks for the picture is told
                log.warning("could not make pictures ready: %s", error)
            self._stop.wait(2.0)

    def prepare(self, id: ImageId) -> None:
        """Make an image's photo, superpixels and maps; what is asked and said of it is drawn when somebody looks."""
        self.pictures.photo(id)
        for scale in SCALES:
            if self._stop.is_set():
                return
            self.pictures.ids(id, scale)
        for name in self.layers.of(id):
            if name in ("prediction", *MAPPED) and not self._stop.is_set():
                self.layers.layer(id, name)

    def _note_colors(self, waiting: list[Query]) -> None:
        """Note the colours of questions that may look alike; an image is decoded once for all of its questions."""
        for query in waiting:
            if query.kind in KINDS and query.id not in self.colors and not self._stop.is_set():
                image = self.data.image(query.image)
                for other in self.desk.waiting(image=query.image):
                    self.colors[other.id] = colors_of(other, image)

    def decoded(self, id: ImageId) -> ByteArray:
        """(H, W, 3) an image; the last few asked for are kept."""
        return self._decoded.get(id, lambda: self.data.image(id))

    def close(self) -> None:
        """Let go of the store; a driver at work goes on."""
        self._stop.set()
        self.driver.close()
        self.repo.close()


def _user() -> str:
    try:
        return getpass.getuser()[:64] or "me"
    except (KeyError, OSError):  # a user id without a name
        return "me"
