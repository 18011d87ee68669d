"""How a run was set up, in words: the seven choices, the training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import seglens.acquisition
import seglens.oracles  # noqa: F401 - the imports register the parts that are described
from seglens.config import Choices, PartConfig, RunConfig
from seglens.registry import Registry, cuts, narrows, oracles, picks, scores, settles
from seglens.report.words import ANSWER_KINDS, listed
from seglens.types import SeglensError

PLAIN = {
    "narrow random-subset": "a part of the pool, drawn by chance",
    "narrow loss-prediction": "the images that the model is predicted to get most wrong",
    "narrow core-set": "the images least like those that are labelled, and least like one another",
    "narrow near-duplicate": "of frames that look alike, one",
    "narrow sequence-quota": "so many images of each sequence, drawn by chance",
    "narrow difficulty": "the images that are most difficult for the model",
    "narrow top-by-score": "the images of the highest mean score",
    "narrow vaal": "the images that look least like those that are labelled",
    "narrow ta-vaal": "the images that look least like those that are labelled, their expected loss considered",
    "score random": "chance alone",
    "score entropy": "how widely the predicted probabilities are spread over the classes",
    "score least-confidence": "how unlikely the likeliest class still is",
    "score margin": "how close the two likeliest classes are",
    "score bvsb": "how close the second-best class comes to the best",
    "score pixbal": "how close the second-best class comes to the best, more so for classes that are predicted rarely",
    "score vote-entropy": "how widely the votes of passes with dropout on are spread over the classes",
    "score mc-entropy": "how widely probabilities are spread over the classes, averaged over passes with dropout on",
    "score impurity": "how mixed the predicted classes around it are, and how undecided the model is there",
    "score one-vs-rest": "how open it is whether it belongs to a class, for the class where that is most open",
    "score bald": "how far passes with dropout on differ from their mean",
    "score committee": "what several versions of the model do not agree on",
    "score odin": "how unlikely the likeliest class stays when the image is moved towards it",
    "score flip-disagreement": "how undecided the model is about an image and its mirror image, and how far it differs",
    "score true-error": "where the truth says that the prediction is wrong, which only a simulation can know",
    "score difficulty": "how likely a branch that has seen the model's errors holds the prediction for wrong",
    "score explainable-error": "how undecided the model is, and what its predictions rest on among what is near",
    "cut image": "whole images",
    "cut grid": "the squares of a grid",
    "cut gaussian-window": "square windows, placed where the score around their middle is highest",
    "cut superpixel": "superpixels: patches of like colour that follow the edges",
    "cut adaptive-superpixel": "superpixels, and finer ones where several classes are predicted in one",
    "cut merged-superpixel": "superpixels, merged where the model sees the same in neighbours",
    "cut pixel": "single points",
    "cut object": "objects: superpixels of high score, merged where they touch and are predicted alike",
    "pick top": "those with the highest score",
    "pick stratified": "the highest scores, shared out over the predicted classes",
    "pick spread-images": "some of every image, drawn by chance",
    "pick k-center": "those that look least like what was asked about, and least like one another",
    "pick badge": "those that would change the model most, each in another way",
    "pick spread": "the highest scores, few an image and not too near to one another",
    "pick cost-aware": "those of high score that are likely to be answered with few clicks",
    "pick typical": "the most typical of each group of regions that look alike",
    "pick coverage": "those that most others look like",
    "ask simulated": "a person simulated from the truth",
    "ask noisy": "a person simulated from the truth who gets a part of it wrong",
    "ask human": "a person",
    "ask machine": "a slowly moving average of the model, where it is sure",
    "settle as-answered": "every pixel of an answered region",
    "settle contextual": "every pixel of an answered region, and what lies around it and resembles it",
    "settle dice-gate": "all answers of an image, once the prediction and the answers are alike enough",
    "settle grown": "every pixel of an answer, and of the superpixel around it those that the model sees alike",
    "settle sieve": "the pixels of an answered region, save those that look least like the answer to the model",
    "settle trimmed": "every pixel of an answered region, save those of its border",
}
"""What our own parts do, in words that end a sentence; other packages' parts speak through their docstring."""


@dataclass(frozen=True)
class Choice:
    """One of the seven: its name, the question it answers, the part, what that does, and its values."""

    name: str
    question: str
    part: str
    does: str
    values: str


def choices(config: RunConfig) -> list[Choice]:
    """The seven choices of a run, in the order of the loop."""
    found = [_choice("narrow", narrows, part) for part in config.narrow]
    if not found:
        found = [Choice("narrow", question("narrow"), "none", "every image of the pool", "")]
    found += [_choice("score", scores, config.score), _choice("cut", cuts, config.cut)]
    found.append(Choice("answer", question("answer"), config.answer.value, ANSWER_KINDS[config.answer], ""))
    named: tuple[tuple[str, Registry[Any], PartConfig], ...] = (
        ("pick", picks, config.pick),
        ("ask", oracles, config.ask),
        ("settle", settles, config.settle),
    )
    return found + [_choice(*one) for one in named]


def question(choice: str) -> str:
    """The question that a choice answers, as the config's own description has it."""
    return f"{(Choices.model_fields[choice].description or choice).partition(',')[0].capitalize()}?"


def _choice(name: str, parts: Registry[Any], part: PartConfig) -> Choice:
    try:
        kind, params = parts.get(part.name), parts.params(part).model_dump(mode="json")
        does = PLAIN.get(f"{name} {part.name}") or sentence(kind.__doc__ or "")
    except SeglensError:  # a part of a package that is not installed here
        does, params = "", part.params()
    return Choice(name, question(name), part.name, does, ", ".join(f"{k} = {v}" for k, v in params.items()))


def sentence(text: str) -> str:
    """The first sentence of a docstring, without its full stop."""
    return " ".join(text.strip().partition("\n\n")[0].split()).partition(". ")[0].removesuffix(".")


def method(config: RunConfig) -> str:
    """The choices as one sentence."""
    said: dict[str, list[str]] = {}
    for choice in choices(config):
        said.setdefault(choice.name, []).append(choice.does or f"the part “{choice.part}”")
    does = {name: listed(words) for name, words in said.items()}
    return (
        f"Each round it looked at {does['narrow']}, rated pixels by {does['score']}, cut the images into "
        f"{does['cut']}, and picked {does['pick']}. It asked for {does['answer']}; what became labels: "
        f"{does['settle']}."
    )


def training(config: RunConfig) -> str:
    """Model and recipe in one sentence."""
    train, model = config.train, config.model
    length = f"{train.steps} steps" if train.steps is not None else f"{train.epochs} epochs"
    rhythm = "the encoder stays fixed" if train.rhythm == "interactive" else "everything is trained"
    weights = {"imagenet": "ImageNet weights", "random": "random weights"}.get(model.weights, "own weights")
    return (
        f"The model has the decoder “{model.name}” on the encoder “{model.encoder}” ({weights}), input "
        f"{model.size[0]} × {model.size[1]} pixels. Rhythm “{train.rhythm}”: {rhythm}, {length} a round, "
        f"{train.batch} images a step."
    )
