"""Figures and answers in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seglens.types import Answer, AnswerKind, AnswerStatus, ClassTable, Provenance

ANSWER_KINDS = {
    AnswerKind.DENSE: "the class of every pixel of the region",
    AnswerKind.DOMINANT_CLASS: "the one class that fills most of the region",
    AnswerKind.CLASS_SET: "all classes that occur in the region",
    AnswerKind.POINT: "the class at one point",
    AnswerKind.VERDICT: "whether the prediction is right",
    AnswerKind.MASK: "a drawn mask",
}
STATUSES = {
    AnswerStatus.ANSWERED: "answered",
    AnswerStatus.VOID: "void: nothing there belongs to a class",
    AnswerStatus.UNSURE: "unsure",
    AnswerStatus.MISSING_CLASS: "a class that the list does not have",
    AnswerStatus.SKIPPED: "skipped",
    AnswerStatus.EXPIRED: "expired without an answer",
}
WHO = {
    Provenance.NONE: "nobody",
    Provenance.PERSON: "a person",
    Provenance.SIMULATED: "a person simulated from the truth",
    Provenance.EXTENDED: "extended from answers near by",
    Provenance.MACHINE: "the model itself",
}


def whole(value: float) -> str:
    """A count with thousands separated.

    Example:
        >>> whole(12345.0)
        '12,345'
    """
    return f"{value:,.0f}"


def fraction(value: float | None) -> str:
    """A quality in [0, 1]: three digits, or a dash where it is not defined."""
    return "–" if value is None else f"{value:.3f}"


def percent(share: float) -> str:
    r"""A share as a percentage, two digits of it at least where it is small; sign and figure stay on one line.

    Example:
        >>> percent(0.0123), percent(0.25), percent(0.00042), percent(0)
        ('1.2\xa0%', '25\xa0%', '0.042\xa0%', '0\xa0%')
    """
    value = 100 * share
    if value in (0, 1) or value >= 9.95:
        return f"{value:.0f}\N{NO-BREAK SPACE}%"
    digits = 1 if value >= 0.995 else 2 if value >= 0.0995 else 3
    return f"{value:.{digits}f}\N{NO-BREAK SPACE}%"


def duration(seconds: float) -> str:
    """A time that a person would say.

    Example:
        >>> duration(4.25), duration(95), duration(2405), duration(7380)
        ('4.2 s', '1 min 35 s', '40 min', '2 h 3 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes < 10 and rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def listed(words: Sequence[str], last: str = "and") -> str:
    """Words in a row.

    Example:
        >>> listed(["car", "truck", "bus"]), listed(["rider", "pedestrian"], "or")
        ('car, truck and bus', 'rider or pedestrian')
    """
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def class_name(index: int, classes: ClassTable) -> str:
    """A class by name; one that the list does not have by its number."""
    return classes.names[index] if 0 <= index < len(classes) else f"class {index}"


def answer_words(answer: Answer | None, classes: ClassTable) -> str:
    """What was said to a question."""
    if answer is None:
        return "not answered yet"
    if answer.status is not AnswerStatus.ANSWERED:
        return STATUSES[answer.status]
    if answer.classes:
        return listed([class_name(c, classes) for c in answer.classes])
    if answer.dense is not None:
        counts = np.bincount(answer.dense, minlength=256)[: len(classes)]
        found = [int(c) for c in np.argsort(-counts, kind="stable") if counts[c]]
        return listed([class_name(c, classes) for c in found]) or STATUSES[AnswerStatus.VOID]
    return STATUSES[answer.status]


def cost_words(answer: Answer) -> str:
    """What an answer cost."""
    clicks = f"{answer.cost.clicks:g} click{'' if answer.cost.clicks == 1 else 's'}"
    return f"{clicks}, {whole(answer.cost.pixels)} pixels, {duration(answer.cost.seconds)}"
