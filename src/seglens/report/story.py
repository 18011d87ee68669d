"""The run told in a few sentences and figures, for somebody who has never seen one."""

from __future__ import annotations

from dataclasses import dataclass

from seglens.report.setup import method
from seglens.report.view import RunView
from seglens.report.words import WHO, class_name, duration, fraction, listed, percent, whole
from seglens.types import AnswerStatus, Provenance


@dataclass(frozen=True)
class Card:
    """A headline figure: what it is, the figure, and what to hold beside it."""

    label: str
    figure: str
    beside: str


def story(view: RunView) -> list[str]:
    """What was done, in a paragraph or two."""
    config, last = view.config, view.rounds[-1] if view.rounds else None
    told = [
        f"Seglens looks for the pixels that are worth a person's time. Here it had a pool of {whole(view.pool_images)} "
        f"images (dataset “{config.data.name}”, {len(view.classes)} classes) and followed the preset "
        f"“{config.preset}”. {method(config)} Round 0 comes before the first model: its questions "
        "are spread over the images, those that differ most first."
    ]
    if last is not None:
        who = listed(sorted({WHO[a.answer.provenance] for a in view.asked if a.answer})) or "nobody yet"
        rounds = f"{len(view.rounds)} round{'' if len(view.rounds) == 1 else 's'}"
        told.append(
            f"In {rounds} it asked {whole(len(view.asked))} questions, answered by {who}. "
            f"Answers now cover {percent(last.share)} of the pool's pixels. Seed {config.seed}."
        )
    return told


def notes(view: RunView) -> list[str]:
    """What a reader has to know before believing the page: a run that is not done, images that changed since."""
    found = []
    if not view.rounds:
        found.append("This run has not begun: there is nothing to show yet.")
    elif (last := view.rounds[-1]).stage is not None and view.facts.get("state") != "finished":
        found.append(f"This run is not finished: round {last.number} stands at the stage “{last.stage.value}”.")
    if not view.same_images:
        found.append("The images have changed since this run: pictures may not show what was asked about.")
    return found


def cards(view: RunView) -> list[Card]:
    """The headline figures."""
    shown = [*_quality(view)]
    if view.rounds:
        last = view.rounds[-1]
        images = len({a.query.image for a in view.asked})
        answered = sum(a.answer is not None and a.answer.status is AnswerStatus.ANSWERED for a in view.asked)
        shown += [
            Card("questions", whole(len(view.asked)), f"{whole(answered)} answered, in {whole(images)} images"),
            Card("clicks", whole(last.clicks), "what the answers cost"),
            Card("pixels labelled", percent(last.share), f"of the pool: {whole(last.pixels)}"),
            Card("a person's time", duration(last.seconds), _time_words(view)),
        ]
    return shown


def _quality(view: RunView) -> list[Card]:
    measured = view.measured
    if not measured:
        return []
    first, last = measured[0], measured[-1]
    before = f"{fraction(first.miou)} after round {first.number}" if len(measured) > 1 else "after one round"
    shown = [Card(f"mIoU after round {last.number}", fraction(last.miou), before)]
    if last.audit is not None:
        span = f"95 % interval {fraction(last.audit.low)} to {fraction(last.audit.high)}, {last.audit.images} images"
        shown.append(Card("mIoU on the audit set", fraction(last.audit.miou), span))
    full = view.config.full_miou
    if full and last.miou is not None:
        shown.append(Card("of full supervision", percent(last.miou / full), f"which reaches {fraction(full)}"))
    known = [(value, index) for index, value in enumerate(last.iou) if value is not None]
    if known:
        value, index = min(known)
        shown.append(Card("hardest class", class_name(index, view.classes), f"IoU {fraction(value)}"))
    return shown


def _time_words(view: RunView) -> str:
    simulated = any(a.answer and a.answer.provenance is Provenance.SIMULATED for a in view.asked)
    return "estimated, at fixed seconds an action" if simulated else "measured while answering"


def label_words(view: RunView) -> str:
    """What the labels are made of."""
    labels = view.labels
    if not labels.images:
        return "There are no labels yet."
    total = max(sum(labels.by_provenance.values()), 1)
    sources = [f"{percent(n / total)} from {WHO[p]}" for p, n in labels.by_provenance.items()]
    return (
        f"{whole(labels.images)} images carry labels, {whole(int(labels.by_class.sum()))} pixels in all: "
        f"{listed(sources)}."
    )
