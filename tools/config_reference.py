"""Write docs/config.md from the models themselves: ``python tools/config_reference.py``.

A test compares the file with what this writes, so the page cannot go out of date.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

import seglens
from seglens import registry
from seglens.config import PartConfig, RunConfig

PAGE = Path(__file__).resolve().parent.parent / "docs" / "config.md"

TABLE = ("| key | default | meaning |", "|---|---|---|")
HEAD = """\
<!-- Written by `make docs` from the models in seglens.config and from every registered part. Do not edit. -->
# Configuration

A run is one YAML file. Every key has a default, so a file holds only what differs; `--set a.b=c` changes one more
value from the command line. The file that a run resolves to is kept in its folder as `config.yaml`.

An unknown key, or a value that is not allowed, is refused before anything starts, with the names that are allowed.

A **part** is written `{name: NAME, key: value}`; `NAME` alone means its defaults.
"""


def load_parts() -> None:
    """Import every module of ours, so that every part has registered itself."""
    for module in pkgutil.walk_packages(seglens.__path__, "seglens."):
        if not module.name.endswith("__main__") and ".migrations" not in module.name:
            importlib.import_module(module.name)


def kinds() -> list[registry.Registry[Any]]:
    """Our registries that hold a part of ours, in the order they are declared."""
    found = [value for value in vars(registry).values() if isinstance(value, registry.Registry)]
    return [kind for kind in found if ours(kind)]


def ours(kind: registry.Registry[Any]) -> list[str]:
    """Names of our own parts of a kind; other people's are not documented here."""
    mine = [name for name in kind.names() if kind.get(name).__module__.startswith("seglens.")]
    return [name for name in mine if hasattr(kind.get(name), "Params")]  # networks of companions have no values


def table(model: type[BaseModel]) -> Iterator[str]:
    """The table of a model's fields."""
    yield from TABLE
    yield from rows(model)


def rows(model: type[BaseModel], above: str = "") -> Iterator[str]:
    """Key, default and meaning of each field; a field that holds fields of its own is written with dots."""
    for name, field in model.model_fields.items():
        if below := nested(field.annotation):
            yield from rows(below, f"{above}{name}.")
            continue
        shown = "required" if field.is_required() else f"`{show(field.get_default(call_default_factory=True))}`"
        yield f"| `{above}{name}` | {shown} | {(field.description or '').replace('|', chr(92) + '|')} |"


def nested(annotation: Any) -> type[BaseModel] | None:
    """The model that a field holds; a part is no such model, its keys stand with the part."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and not issubclass(annotation, PartConfig):
        return annotation
    return None


def summary(part: type) -> str:
    """The first paragraph of a class's docstring, on one line."""
    return " ".join((part.__doc__ or "").strip().partition("\n\n")[0].split()).replace("``", "`")


def show(value: Any) -> str:
    """A default as it would stand in the YAML file, on one line."""
    plain = plainly(value)
    if plain is None:
        return "null"
    text: str = yaml.safe_dump(plain, default_flow_style=True, width=10_000, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...").strip()


def plainly(value: Any) -> Any:
    """``value`` in YAML's own types; a part without parameters as its bare name."""
    if isinstance(value, PartConfig):
        return {"name": value.name, **value.params()} if value.params() else value.name
    if isinstance(value, BaseModel):
        return {key: plainly(getattr(value, key)) for key in type(value).model_fields}
    if isinstance(value, dict):
        return {str(key): plainly(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plainly(item) for item in value]
    if isinstance(value, Path):
        return value.as_posix()
    return value if value is None or type(value) in (bool, int, float, str) else str(value)


def page() -> str:
    """The whole page."""
    load_parts()
    blocks = {name: model for name, field in RunConfig.model_fields.items() if (model := nested(field.annotation))}
    top = [row for row in rows(RunConfig) if row.split(".")[0].removeprefix("| `") not in blocks]
    lines = [HEAD, "## The run", "", *TABLE, *top]
    for name, model in blocks.items():
        lines += ["", f"## `{name}`", "", summary(model), "", *table(model)]
    for kind in kinds():
        lines += ["", f"## Parts: {kind.kind}"]
        for name in ours(kind):
            part = kind.get(name)
            lines += ["", f"### `{name}`", "", summary(part)]
            if part.Params.model_fields:
                lines += ["", *table(part.Params)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
