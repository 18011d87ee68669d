"""How a run was set up, in words: the seven choices, the training, the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import seglens.acquisition
import seglens.oracles  # noqa: F401 - the imports register the parts that are described
from seglens.config import Choices, PartConfig, RunConfig
from seglens.registry import Registry, cuts, narrows, oracles, picks, scores, settles
from seglens.report.words import ANSWER_KINDS
from seglens.types import SeglensError


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
        found = [Choice("narrow", question("narrow"), "none", "Every image of the pool is looked at.", "")]
    found += [_choice("score", scores, config.score), _choice("cut", cuts, config.cut)]
    found.append(Choice("answer", question("answer"), config.answer.value, f"{ANSWER_KINDS[config.answer]}.", ""))
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
        does = (kind.__doc__ or "").strip().partition("\n")[0]
    except SeglensError:  # a part of a package that is not installed here
        does, params = "", part.params()
    return Choice(name, question(name), part.name, does, ", ".join(f"{k} = {v}" for k, v in params.items()))


def training(config: RunConfig) -> str:
    """Model and recipe in one sentence."""
    train, model = config.train, config.model
    length = f"{train.steps} steps" if train.steps is not None else f"{train.epochs} epochs"
    rhythm = "the encoder stays fixed" if train.rhythm == "interactive" else "everything is trained"
    size = f"{model.size[0]} × {model.size[1]}"
    return (
        f"The model is a {model.name.upper()} decoder on the encoder {model.encoder.removeprefix('tu-')} "
        f"({model.weights} weights), input {size} pixels. Rhythm “{train.rhythm}”: {rhythm}, "
        f"{length} a round, {train.batch} images a step."
    )
