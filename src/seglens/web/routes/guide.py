"""The labelling guide: each class with a sentence and crops of what people called so."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter

from seglens.web.examples import Example, examples
from seglens.web.figures import guide_texts
from seglens.web.who import Somebody, TheOffice

router = APIRouter(prefix="/api")


@router.get("/guide")
def guide(office: TheOffice, person: Somebody) -> list[dict[str, Any]]:
    """Every class, with example crops from answers so far."""
    texts, classes = guide_texts(office.run), office.classes
    found: list[list[Example]] = office.slow.get("guide", lambda: examples(office.repo, len(classes)))
    return [
        {"index": i, "name": name, "text": texts.get(name, ""), "color": list(color), "examples": _crops(found[i], i)}
        for i, (name, color) in enumerate(zip(classes.names, classes.colors, strict=True))
    ]


def _crops(found: list[Example], index: int) -> list[str]:
    return [
        f"/api/thumb?query={quote(one.query, safe='')}&said={index}&box={','.join(map(str, one.box))}&size=160"
        for one in found
    ]
