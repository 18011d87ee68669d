"""The page's templates: Jinja2 files beside this one, everything escaped unless it was made by a template itself."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

_templates = Environment(
    loader=PackageLoader("seglens.report"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(template: str, **values: Any) -> Markup:
    """``template`` with ``values`` put in and escaped."""
    return Markup(_templates.get_template(template).render(**values))
