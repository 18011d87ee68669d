"""One image as the model saw it, round by round; what the explanation adds; final masks beside the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seglens.data import open_data, open_labels
from seglens.loop.workbench import MODEL
from seglens.models import load_checkpoint
from seglens.protocols import LabelSource, SegDataset
from seglens.report.explain import Explanation
from seglens.report.gallery import spaced
from seglens.report.lens import SCORE, of_run
from seglens.report.pictures import NEAR, Picture, class_colours, fitted, heat, shown
from seglens.report.tables import Colour, labels_of
from seglens.report.view import RunView
from seglens.report.words import fraction, percent
from seglens.training import predict
from seglens.types import IGNORE, ByteArray, ImageId, SeglensError

CYCLES = 6
"""Rounds shown, at most: some 40 kB each."""


@dataclass(frozen=True)
class Step:
    """What one model saw: a heading, its pictures, and the first candidate in words."""

    title: str
    pictures: tuple[Picture, ...]
    words: str


@dataclass(frozen=True)
class Cycles:
    """The SegXAL sections: one image through the rounds, what the explanation adds, final masks; why one is missing."""

    image: ImageId
    steps: tuple[Step, ...]
    adds: tuple[Picture, ...]
    masks: tuple[Picture, ...]
    legend: tuple[tuple[str, Colour], ...]
    note: str
    weights: str
    depth: str


@dataclass(frozen=True)
class _Scene:
    """An image to show, with its truth where there is one."""

    data: SegDataset
    labels: LabelSource | None
    id: ImageId

    @property
    def truth(self) -> ByteArray | None:
        """(H, W) class index, or None."""
        return self.labels.label(self.id) if self.labels is not None and self.labels.has(self.id) else None


def cycles(views: Sequence[RunView]) -> Cycles | None:
    """The sections of the first run whose score explains; None where none does, or none has a model yet."""
    view = next((v for v in views if v.config.score.name == SCORE and trained(v)), None)
    if view is None:
        return None
    first, second = _scenes(view)
    note, steps = "", list[Step]()
    adds: tuple[Picture, ...] = ()
    last: Explanation | None = None
    try:
        for number in _shown(view):
            lens = of_run(view.folder, view.config, number)
            last = lens.explain(first.data, first.id)
            steps.append(_step(view, number, last))
        adds = _adds(lens.explain(second.data, second.id))
    except SeglensError as error:
        note = f"Not everything could be explained: {error}"
    if last is None:
        return Cycles(first.id, (), (), (), (), note, "", "")
    steps.insert(0, _given(first, last))
    return Cycles(
        image=first.id,
        steps=tuple(steps),
        adds=adds,
        masks=_masks(views, second),
        legend=_legend([first, second], last),
        note=note,
        weights=f"{last.weighing.formula} ({last.weighing.source})",
        depth=f"“{last.depth.name}”: {last.depth.words}",
    )


def _legend(scenes: Sequence[_Scene], last: Explanation) -> tuple[tuple[str, Colour], ...]:
    """The classes of the truths and of the last prediction, in the order of the class table."""
    maps = [last.prediction, *(truth for scene in scenes if (truth := scene.truth) is not None)]
    present = {int(c) for one in maps for c in np.unique(one)} - {IGNORE}
    return tuple((last.classes.names[c], last.classes.colors[c]) for c in sorted(present))


def trained(view: RunView) -> list[int]:
    """The rounds that left a model."""
    return [r.number for r in view.rounds if _model(view, r.number).exists()]


def _shown(view: RunView) -> list[int]:
    """The rounds whose models are shown, evenly spaced, the first and the last with them."""
    numbers = trained(view)
    return [numbers[place] for place in spaced(len(numbers), CYCLES)]


def _model(view: RunView, round: int) -> Path:
    return view.folder / "rounds" / f"{round:03d}" / MODEL


def _scenes(view: RunView) -> tuple[_Scene, _Scene]:
    """Two images, a third and two thirds down the evaluation's list (else the pool's): chosen by place, not by look."""
    part = view.config.eval_data or view.config.data
    data = open_data(part)
    labels = open_labels(part) if view.config.eval_data else None
    ids = [id for id in data.ids if labels is None or labels.has(id)] or list(data.ids)
    first, second = (ids[len(ids) * third // 3] for third in (1, 2))
    return _Scene(data, labels, first), _Scene(data, labels, second)


def _given(scene: _Scene, found: Explanation) -> Step:
    pictures = [shown(found.picture, "jpeg", f"Image {scene.id}", "The image")]
    truth = scene.truth
    if truth is not None:
        pictures.append(shown(class_colours(truth, found.classes), "png", "Its truth", "The truth; black = no class"))
    near = heat(found.picture, found.proximity, NEAR)
    pictures.append(shown(near, "jpeg", "Proximity", f"Proximity by “{found.depth.name}”: bright = near"))
    return Step("What is given", tuple(pictures), "")


def _step(view: RunView, number: int, found: Explanation) -> Step:
    miou = next((r.miou for r in view.rounds if r.number == number), None)
    quality = "" if miou is None else f", mIoU {fraction(miou)}"
    size = found.picture.shape[0], found.picture.shape[1]
    coloured = class_colours(fitted(found.prediction, size), found.classes)
    rests = "Attention (PAE): bright = what the prediction rests on"
    doubt, error = f"mean {found.entropy.mean():.2f}", f"mean {found.eem.mean():.2f}"
    pictures = (
        shown(coloured, "png", "Prediction", "Prediction, in class colours"),
        shown(
            heat(found.picture, found.entropy), "jpeg", f"Entropy, {doubt}", f"Entropy: bright = undecided ({doubt})"
        ),
        shown(heat(found.picture, found.pae), "jpeg", "Proximity-aware explanation", rests),
        shown(
            heat(found.picture, found.eem),
            "jpeg",
            f"Explainable error mask, {error}",
            f"Explainable error: bright = look here ({error}); candidates outlined",
            found.regions,
        ),
    )
    words = f"Look first at: {found.candidates[0].sentence}" if found.candidates else "No candidate: nothing stands out"
    return Step(f"The model of round {number}{quality}", pictures, words)


def _adds(found: Explanation) -> tuple[Picture, ...]:
    rests = "bright = what the prediction rests on"
    plain, aware = heat(found.picture, found.cam), heat(found.picture, found.pae)
    said = f"Grad-CAM of the faded image: {rests}" if found.variant == "input" else f"Grad-CAM times proximity: {rests}"
    return (
        shown(found.picture, "jpeg", f"Image {found.image}", "The image"),
        shown(plain, "jpeg", "Plain Grad-CAM", f"Plain Grad-CAM: {rests}"),
        shown(found.informed, "jpeg", "Depth-informed image", "Depth-informed image: what is far fades"),
        shown(aware, "jpeg", "Proximity-aware explanation", f"Proximity-aware explanation (PAE). {said}"),
    )


def _masks(views: Sequence[RunView], scene: _Scene) -> tuple[Picture, ...]:
    """The image, its truth, and the last model's mask of every run that knows the same classes."""
    truth = scene.truth
    if truth is None:
        return ()
    image, classes = scene.data.image(scene.id), scene.data.classes
    pictures = [
        shown(image, "jpeg", f"Image {scene.id}", "The image"),
        shown(class_colours(truth, classes), "png", "Its truth", "The truth; black = no class"),
    ]
    for label, view in zip(labels_of(views), views, strict=True):
        numbers = trained(view)
        if not numbers or view.classes.names != classes.names:
            continue
        net = load_checkpoint(_model(view, numbers[-1])).eval()
        mask = predict(net, image, view.config.model.size)
        right = float((mask == truth)[truth != IGNORE].mean()) if (truth != IGNORE).any() else 0.0
        said = f"{label}: the model of round {numbers[-1]}; {percent(right)} of the pixels right"
        pictures.append(shown(class_colours(mask, classes), "png", said, said))
    return tuple(pictures)
