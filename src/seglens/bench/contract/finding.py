"""What a check found, and what is checked of every kind of part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel

from seglens.bench.contract.strategy import KINDS, Strategy
from seglens.types import SeglensError

Trial = TypeVar("Trial")
Plain = TypeVar("Plain")


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Args:
        check: its name.
        why: why it failed, in words; empty = it passed.
    """

    check: str
    why: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.why


def said(error: Exception) -> str:
    """An error of somebody's part, in a line."""
    return str(error) if isinstance(error, SeglensError) else f"{type(error).__name__}: {error}"


def found(name: str, check: Callable[[Trial, Plain], str], trial: Trial, plain: Plain) -> Finding:
    """What a check finds; one that raises has failed.

    Args:
        name: of the check.
        check: why the part fails, in words; empty where it does not.
        trial: what is tried with.
        plain: what came of it as it stands.
    """
    try:
        return Finding(name, check(trial, plain))
    except Exception as error:  # somebody's part may raise anything; the user is told what
        return Finding(name, said(error))


def params_frozen(strategy: Strategy) -> str:
    """Every part's ``Params`` are frozen, refuse unknown keys, and describe each field."""
    for kind, part in strategy.parts():
        params: type[BaseModel] = KINDS[kind].get(part.name).Params
        if not params.model_config.get("frozen"):
            return f"{kind} '{part.name}': its Params can be changed; derive them from seglens.config.Params"
        if params.model_config.get("extra") != "forbid":
            return f"{kind} '{part.name}': its Params take unknown keys; derive them from seglens.config.Params"
        bare = [name for name, field in params.model_fields.items() if not field.description]
        if bare:
            return f"{kind} '{part.name}': key '{bare[0]}' has no description"
    return ""
