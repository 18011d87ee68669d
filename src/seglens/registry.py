"""Where parts are found by name: a dict for each kind of part, and entry points for everybody's own.

A part is a class with a frozen ``Params`` model; it is built as ``Part(params, context)``. Third parties register
under the entry-point group ``seglens.<kind>`` (for example ``seglens.score``) and pass the same contract suite.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from seglens.config import PartConfig, describe
from seglens.types import SeglensError

T = TypeVar("T")


class Registry(Generic[T]):
    """Names of one kind of part.

    Example:
        >>> from seglens.config import NoParams
        >>> toys = Registry("toy")
        >>> @toys.register("plain")
        ... class Plain:
        ...     Params = NoParams
        ...     def __init__(self, params): ...
        >>> toys.names()
        ['plain']
        >>> toys.get("plane")
        Traceback (most recent call last):
        seglens.types.words.SeglensError: toy: unknown name 'plane'; did you mean 'plain'? Allowed: plain
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._parts: dict[str, Any] = {}
        self._loaded = False

    def register(self, name: str) -> Callable[[type], type]:
        """Class decorator: make the class known as ``name`` (kebab-case, stable)."""

        def add(part: type) -> type:
            if name in self._parts:
                raise SeglensError(f"{self.kind}: the name '{name}' is taken by {self._parts[name].__module__}")
            self._parts[name] = part
            return part

        return add

    def names(self) -> list[str]:
        """Every known name, sorted."""
        self._load_entry_points()
        return sorted(self._parts)

    def get(self, name: str) -> Any:
        """The class registered as ``name``.

        Raises:
            SeglensError: no such name; the message lists what is allowed.
        """
        self._load_entry_points()
        if name not in self._parts:
            near = get_close_matches(name, self._parts, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else "."
            raise SeglensError(f"{self.kind}: unknown name '{name}'{hint} Allowed: {', '.join(sorted(self._parts))}")
        return self._parts[name]

    def params(self, part: PartConfig) -> BaseModel:
        """The part's validated parameters, without building it.

        Raises:
            SeglensError: an unknown key or a bad value, named with what is allowed.
        """
        model: type[BaseModel] = self.get(part.name).Params
        try:
            return model(**part.params())
        except ValidationError as error:
            raise SeglensError(describe(error, model, f"{self.kind} '{part.name}'")) from None

    def build(self, part: PartConfig, *context: Any) -> T:
        """The part itself: ``cls(params, *context)``; parts of the choices take one PartContext."""
        built: T = self.get(part.name)(self.params(part), *context)
        return built

    def anchored(self, part: PartConfig, folder: Path) -> PartConfig:
        """The part with every relative path taken from ``folder``, in parts inside it (of the same kind) too.

        A depth network's ``model`` is a path where such a folder exists, else an id.
        """
        params = self.params(part)
        changed: dict[str, Any] = {}
        for name in params.model_fields_set:
            value = getattr(params, name)
            if isinstance(value, Path):
                changed[name] = os.path.abspath(folder / value)
            elif isinstance(value, PartConfig):
                changed[name] = self.anchored(value, folder).model_dump()
            elif self.kind == "depth" and isinstance(value, str) and (folder / value).is_dir():
                changed[name] = os.path.abspath(folder / value)
        return part.model_copy(update=changed)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def _load_entry_points(self) -> None:
        if not self._loaded:
            self._loaded = True
            for point in entry_points(group=f"seglens.{self.kind}"):
                if point.name not in self._parts:
                    self.register(point.name)(point.load())


datasets: Registry[Any] = Registry("data")
networks: Registry[Any] = Registry("model")
engines: Registry[Any] = Registry("engine")
oracles: Registry[Any] = Registry("ask")
narrows: Registry[Any] = Registry("narrow")
scores: Registry[Any] = Registry("score")
depths: Registry[Any] = Registry("depth")
cuts: Registry[Any] = Registry("cut")
picks: Registry[Any] = Registry("pick")
settles: Registry[Any] = Registry("settle")
companions: Registry[Any] = Registry("companion")
judges: Registry[Any] = Registry("judge")
"""Networks that companions leave behind: they say something of whole images, or are a committee."""
