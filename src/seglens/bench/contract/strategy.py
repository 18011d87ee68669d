"""What is checked: a preset as it stands, or one part among plain ones, at the size of the tiny pool."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from seglens.acquisition.presets import load_preset, preset_names
from seglens.config import Choices, PartConfig
from seglens.loop.check import read_of_companions
from seglens.registry import Registry, companions, cuts, depths, narrows, oracles, picks, scores, settles
from seglens.types import AnswerKind, SeglensError

KINDS: dict[str, Registry[Any]] = {
    kind.kind: kind for kind in (narrows, scores, depths, cuts, picks, oracles, settles, companions)
}
PARTS = ("score", "cut", "pick", "narrow", "settle", "ask", "companion", "depth")
"""Kinds of parts that are checked one by one."""

METHODS: dict[str, tuple[str, ...]] = {
    "score": ("pixels", "finish"),
    "narrow": ("reduce", "choose"),
    "cut": ("regions",),
    "pick": ("choose",),
    "settle": ("settle",),
    "ask": ("submit", "collect"),
    "companion": ("start", "loss", "step", "state"),
    "depth": ("proximity", "describe"),
}
"""By what a class is known, in this order."""

PLAIN: dict[str, Any] = {"score": "pixbal", "cut": "superpixel", "pick": "top", "settle": "as-answered"}
"""What stands around a part that is checked alone."""

SMALL: dict[str, dict[str, Any]] = {
    "score": {"passes": 4},
    "cut": {"segments": 24, "fine": 48, "rows": 4, "columns": 4},
    "narrow": {"images": 3},
    "settle": {"segments": 24},
    "ask": {"confidence": 0.1},
}
"""The most that fits the tiny pool, by kind and parameter; a model of a few steps is never sure."""


@dataclass(frozen=True)
class Strategy:
    """Choices to check.

    Args:
        name: as it was asked for.
        choices: as a preset names them, made small.
        notes: what was changed so that it runs on the tiny pool, in words.
        kind: of the part that is checked alone; empty = a preset.
    """

    name: str
    choices: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    kind: str = ""

    def parts(self) -> list[tuple[str, PartConfig]]:
        """(kind, part) of every choice that is a part."""
        found: list[tuple[str, PartConfig]] = []
        for key, value in dict(Choices(**self.choices)).items():
            kind = {"start": "pick", "companions": "companion"}.get(key, key)
            found += [(kind, part) for part in (value if isinstance(value, tuple) else (value,)) if kind in KINDS]
        return found


def every_strategy() -> list[str]:
    """Every preset, and ``kind/name`` of every registered part."""
    return [*preset_names(), *(f"{kind}/{name}" for kind in PARTS for name in KINDS[kind].names())]


def find_strategy(name: str) -> Strategy:
    """The strategy that a user means.

    Args:
        name: a preset or the path of its file; a part's name, with its kind before it where several have that name
            (``score/difficulty``); or ``module:Class``.

    Raises:
        SeglensError: no such thing, or more than one.
    """
    if name.endswith((".yaml", ".yml")) or name in preset_names():
        return _small(name, load_preset(name))
    kind, part = _loaded(name) if ":" in name else _registered(name)
    if kind in ("companion", "depth"):
        choices = {"companions": [part]} if kind == "companion" else {"depth": part}
        return Strategy(name, {**PLAIN, "answer": AnswerKind.DOMINANT_CLASS.value, **choices}, kind=kind)
    return replace(_small(name, _around(kind, part)), kind=kind)


def _loaded(name: str) -> tuple[str, str]:
    """Kind and name of ``module:Class``, registered where it is not."""
    module, _, attribute = name.partition(":")
    try:
        part = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise SeglensError(f"'{name}': no such class ({error}); allowed: module:Class that can be imported") from None
    kind = next((k for k, methods in METHODS.items() if all(hasattr(part, method) for method in methods)), None)
    if kind is None:
        needed = "; ".join(f"{k}: {' and '.join(methods)}" for k, methods in METHODS.items())
        raise SeglensError(f"'{name}': no part. A part is known by its methods: {needed}")
    registry = KINDS[kind]
    for known in registry.names():
        if registry.get(known) is part:
            return kind, known
    own = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", attribute).lower()
    registry.register(own)(part)
    return kind, own


def _registered(name: str) -> tuple[str, str]:
    kind, slash, part = name.partition("/")
    if slash and kind in PARTS:
        KINDS[kind].get(part)
        return kind, part
    kinds = [kind for kind in PARTS if name in KINDS[kind].names()]
    if len(kinds) == 1:
        return kinds[0], name
    if kinds:
        allowed = ", ".join(f"{kind}/{name}" for kind in kinds)
        raise SeglensError(f"'{name}': the name of several parts. Allowed: {allowed}")
    raise SeglensError(
        f"'{name}': no preset and no part. Allowed: a name that `seglens strategies` lists, kind/name of a part "
        f"({', '.join(PARTS)}), module:Class, or the path of a preset's YAML file"
    )


def _around(kind: str, name: str) -> dict[str, Any]:
    """The part among plain ones, with the companions that it reads."""
    part = KINDS[kind].get(name)
    choices = {**PLAIN, kind: name, "answer": AnswerKind.DOMINANT_CLASS.value}
    if kind == "narrow":
        choices["narrow"] = [_first_that_fits(name)]
    if kind == "cut":
        choices["answer"] = AnswerKind.DENSE.value  # the one answer that fits any region
    if kind == "ask" and AnswerKind.DOMINANT_CLASS not in part.kinds:
        choices["answer"] = min(answer.value for answer in part.kinds)
    return {**choices, "companions": sorted(_read(kind, choices["narrow"][0] if kind == "narrow" else name))}


def _first_that_fits(name: str) -> dict[str, Any]:
    """A narrow with ``images``, where it has to be told how many."""
    told = "images" in narrows.get(name).Params.model_fields
    return {"name": name, **({"images": SMALL["narrow"]["images"]} if told else {})}


def _read(kind: str, part: Any) -> set[str]:
    """Companions that a part reads."""
    if kind not in ("score", "narrow"):
        return read_of_companions(getattr(KINDS[kind].get(part), "needs", frozenset()))
    return read_of_companions(KINDS[kind].build(PartConfig.model_validate(part), None).needs)


def _small(name: str, choices: Mapping[str, Any]) -> Strategy:
    """The choices at the size of the tiny pool."""
    small, notes = dict(choices), list[str]()
    if "depth" in small and PartConfig.model_validate(small["depth"]).name != "ground":
        notes.append(f"depth: ground stands in for {small['depth']}")
        small["depth"] = "ground"
    for kind, limits in SMALL.items():
        given = small.get(kind)
        if given is not None:
            parts = [
                PartConfig.model_validate(part) for part in (given if isinstance(given, (list, tuple)) else [given])
            ]
            fitted = [_fitted(kind, part, limits, notes).model_dump() for part in parts]
            small[kind] = fitted if kind == "narrow" else fitted[0]
    return Strategy(name, small, tuple(notes))


def _fitted(kind: str, part: PartConfig, limits: Mapping[str, float], notes: list[str]) -> PartConfig:
    changed = {}
    for key, most in limits.items():
        value = getattr(KINDS[kind].params(part), key, None)
        if value is not None and value > most:
            changed[key] = most
            notes.append(f"{kind} '{part.name}': {key} {most:g} in place of {value:g}")
    return part.model_copy(update=changed)
