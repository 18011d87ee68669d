"""The gallery: some questions of each round with what the model saw, why it asked and what was answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seglens.acquisition import reasons
from seglens.functional import run_lengths
from seglens.report.pictures import (
    Picture,
    class_colours,
    close_box,
    drawing,
    fitted,
    photograph,
    score_colours,
)
from seglens.report.view import Asked, RunView
from seglens.report.words import WHO, answer_words, class_name, cost_words, percent
from seglens.types import BoolArray, ByteArray, ClassTable, SeglensError

A_ROUND = 6
"""Questions shown of a round, at most."""
IN_ALL = 48
"""Questions shown in all, at most: some 50 kB each."""
NAMED = 5
"""Classes named beside a prediction, at most."""


@dataclass(frozen=True)
class Swatch:
    """A class beside a prediction: its colour, and its share of the region (empty: it stands around it)."""

    name: str
    colour: tuple[int, int, int]
    share: str


@dataclass(frozen=True)
class Item:
    """A question as shown."""

    id: str
    position: int
    image: str
    reason: str
    place: str
    score: float
    answer: str
    who: str
    cost: str
    pictures: tuple[Picture, ...]
    swatches: tuple[Swatch, ...]


@dataclass(frozen=True)
class Shelf:
    """A round's questions: how many there were, and those shown."""

    number: int
    asked: int
    items: tuple[Item, ...]


def gallery(view: RunView) -> list[Shelf]:
    """Some questions of each round, evenly spaced from the first asked to the last."""
    rounds = [r.number for r in view.rounds if view.of_round(r.number)]
    most = max(1, min(A_ROUND, IN_ALL // max(len(rounds), 1)))
    shelves = []
    for number in rounds if len(rounds) <= IN_ALL else rounds[-IN_ALL:]:
        asked = view.of_round(number)
        shown = tuple(_item(view, asked[i], i + 1) for i in spaced(len(asked), most))
        shelves.append(Shelf(number, len(asked), shown))
    return shelves


def spaced(count: int, most: int) -> list[int]:
    """At most ``most`` positions of ``count``, evenly spaced, the first and the last with them.

    Example:
        >>> spaced(100, 3), spaced(2, 6), spaced(5, 1)
        ([0, 50, 99], [0, 1], [0])
    """
    return sorted({int(i) for i in np.linspace(0, count - 1, min(count, most)).round()})


def _item(view: RunView, asked: Asked, position: int) -> Item:
    query, answer = asked.query, asked.answer
    pictures, swatches = _pictures(view, asked)
    return Item(
        id=query.id,
        position=position,
        image=query.image,
        reason=reasons.words(query.reason),
        place=str(query.reason["place"]),
        score=query.score,
        answer=answer_words(answer, view.classes),
        who=WHO[answer.provenance] if answer else "",
        cost=cost_words(answer) if answer else "",
        pictures=pictures,
        swatches=swatches,
    )


def _pictures(view: RunView, asked: Asked) -> tuple[tuple[Picture, ...], tuple[Swatch, ...]]:
    query = asked.query
    try:
        image = view.image(query.image)
    except SeglensError:
        return (), ()  # the text still stands; the page says that the image is gone
    mask = run_lengths.decode(query.region.runs, query.region.size)
    y0, x0, y1, x1 = close_box(mask)
    part, inside = (slice(y0, y1), slice(x0, x1)), mask[y0:y1, x0:x1]
    where = f"Image {query.image} with the region asked about outlined"
    shown = [
        photograph(image, mask, where, "The image"),
        photograph(image[part], inside, f"{where}, close up", "Close up"),
    ]
    maps = view.maps(query)
    if maps is None:
        return tuple(shown), ()
    prediction, score = fitted(maps[0], mask.shape)[part], fitted(maps[1], mask.shape)[part]
    swatches = named(prediction, inside, view.classes)
    said = ", ".join(f"{s.name} {s.share}" for s in swatches if s.share)
    coloured = class_colours(prediction, view.classes)
    shown.append(drawing(coloured, inside, f"Prediction when asked; in the region: {said}", "Predicted then"))
    what = "Explainable error (EEM)" if view.config.score.name == "explainable-error" else "Score"
    bright = f"{what} when asked: the brighter, the more a label would teach"
    shown.append(drawing(score_colours(score), inside, bright, f"{what}: brighter = ask sooner"))
    return tuple(shown), swatches


def named(prediction: ByteArray, inside: BoolArray, classes: ClassTable) -> tuple[Swatch, ...]:
    """The classes predicted in a region, the largest first with their share; then those around it, without."""
    counts = np.bincount(prediction[inside], minlength=256)[: len(classes)]
    around = np.bincount(prediction[~inside], minlength=256)[: len(classes)]
    order: Sequence[int] = [int(c) for c in np.lexsort((-around, -counts)) if counts[c] or around[c]]
    shares = counts / max(int(counts.sum()), 1)
    return tuple(
        Swatch(class_name(c, classes), classes.colors[c], percent(shares[c]) if counts[c] else "")
        for c in order[:NAMED]
    )
