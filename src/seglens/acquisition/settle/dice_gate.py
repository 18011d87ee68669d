"""Settle: an image's answers become labels where prediction and answers agree (or where they do not)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from seglens.acquisition.settle.paint import paint
from seglens.config import Params
from seglens.functional.metrics import confusion_matrix, dice
from seglens.protocols import Evidence, PartContext
from seglens.registry import settles
from seglens.types import (
    IGNORE,
    Answered,
    AnsweredImage,
    AnswerStatus,
    ByteArray,
    SeglensError,
    Settled,
)


class DiceGateParams(Params):
    """Which side of the threshold goes in."""

    threshold: float = Field(0.8, ge=0, le=1, description="DICE between prediction and answers")
    gate: Literal["agree", "disagree", "off"] = Field(
        "agree", description="agree: images above the threshold go in; disagree: those below it; off: all"
    )
    pixels: Literal["answered", "image"] = Field(
        "answered",
        description="compared: answered ones, or the whole image, the prediction with itself where nothing is answered",
    )


@settles.register("dice-gate")
class DiceGate:
    """Holds an image's answers back unless prediction and answers agree; paints accepted ones as answered.

    What was answered about an image in one round goes in together or not at all. It is judged on the pixels that these
    answers label: DICE of each class, mean over the classes in prediction or answer (Eq. 4). Two predictions are
    compared with the answers: that at the time of asking, which never changes, and the latest model's, by which held
    answers are tried again each round. ``agree`` takes the better of the two and accepts above the threshold,
    ``disagree`` the lower of the two and accepts below it: what was accepted by the prediction at the time of asking
    stays accepted, whatever the model learns of it afterwards (under ``disagree`` training on an accepted image would
    otherwise soon throw it out).

    Answers of the first round, asked before there was a model, and images without a prediction of then are always
    accepted: there was nothing to agree with. A held image keeps its first-round labels. Without a model everything is
    as answered.

    Deviation: the paper compares whole masks; what a person draws there is the prediction with the asked objects put
    right. Only answered pixels count here: the rest agrees with itself and hides how small the asked part is. Figures
    are far lower for it where the asked pixels are the uncertain ones; ``pixels: image`` is the paper's reading.

    Deviation: the paper gives no threshold, and its rule is at odds with its purpose: it accepts the images that the
    model gets right already and returns those with most to teach to the pool. ``disagree`` is the rule turned round,
    to be compared; ``off`` is neither. An image that is held stays stored and paid and is not asked about again;
    the paper feeds it back to the unlabelled pool.

    Reference: SegXAL (arXiv 2408.04482), section 3.4, Eq. 4.
    """

    Params = DiceGateParams
    needs: ClassVar[frozenset[str]] = frozenset({"probs"})

    def __init__(self, params: DiceGateParams, context: PartContext) -> None:
        self.params = params

    def settle(self, batch: Sequence[AnsweredImage], ev: Evidence | None) -> list[Settled]:
        """The labels of each image; held answers and the DICE that decided, where the gate judged."""
        if ev is None or self.params.gate == "off":
            return [paint(image) for image in batch]
        if [image.image for image in batch] != list(ev.ids):
            raise SeglensError("settle 'dice-gate': the evidence is not that of the images to settle, in their order")
        classes = ev.probs.shape[1]
        latest = ev.probs.argmax(1).cpu().numpy().astype(np.uint8)
        return [self._judged(image, latest[index], classes) for index, image in enumerate(batch)]

    def _judged(self, image: AnsweredImage, latest: ByteArray, classes: int) -> Settled:
        """The image's labels; ``dice`` is that of the answers asked for last."""
        held: list[Answered] = []
        last: float | None = None
        for round in sorted({answered.query.round for answered in image.answers if _is_judged(answered)}):
            if round not in image.at_ask:
                continue
            own = [a for a in image.answers if a.query.round == round and _is_judged(a)]
            value = self._dice(replace(image, answers=own), image.at_ask[round], latest, classes)
            if value is None:  # class sets name no pixel's class
                continue
            last = value
            if value <= self.params.threshold if self.params.gate == "agree" else value >= self.params.threshold:
                held += own
        ids = tuple(answered.query.id for answered in held)
        kept = [answered for answered in image.answers if answered.query.id not in ids]
        return replace(paint(replace(image, answers=kept)), dice=last, held=ids)

    def _dice(self, image: AnsweredImage, then: ByteArray, latest: ByteArray, classes: int) -> float | None:
        """What decides: the better of both predictions for ``agree``, the lower for ``disagree``."""
        answer = paint(image).label
        found = [
            image_dice(prediction, answer, classes, self.params.pixels == "image") for prediction in (then, latest)
        ]
        scores = [value for value in found if value is not None]
        return (max if self.params.gate == "agree" else min)(scores) if scores else None


def image_dice(prediction: ByteArray, answer: ByteArray, classes: int, whole: bool = False) -> float | None:
    """Mean DICE of an image over the classes present in prediction or answer.

    Args:
        prediction: (h, w) classes, at any size: each native pixel takes the class of the pixel that it lies in.
        answer: (H, W) classes, IGNORE = not answered.
        classes: number of classes C.
        whole: compare all pixels, those that are not answered with themselves; otherwise answered ones alone.

    Returns:
        2 |S and R| / (|S| + |R|), a mean over classes; None where nothing is answered.

    Example:
        >>> image_dice(np.array([[0, 1]]), np.array([[0, 0, 1, 255]]), 3)
        1.0

    Reference: SegXAL (arXiv 2408.04482), Eq. 4.
    """
    rows = np.arange(answer.shape[0]) * prediction.shape[0] // answer.shape[0]
    columns = np.arange(answer.shape[1]) * prediction.shape[1] // answer.shape[1]
    native = prediction[rows[:, None], columns]
    known = answer != IGNORE
    if not known.any():
        return None
    values = dice(confusion_matrix(np.where(known, answer, native) if whole else answer, native, classes, IGNORE))
    return float(np.nanmean(values))


def _is_judged(answered: Answered) -> bool:
    return answered.answer.status is AnswerStatus.ANSWERED and not answered.query.reason.get("first_round")
