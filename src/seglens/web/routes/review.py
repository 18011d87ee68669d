"""Answers that do not agree: a reviewer says which holds."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path

from seglens.store.review import decide, due
from seglens.web.answering import answer_from
from seglens.web.asking import answer_view, box_of
from seglens.web.bodies import ReviewBody
from seglens.web.refusal import Refusal
from seglens.web.who import Reviewer, TheOffice

router = APIRouter(prefix="/api")


@router.get("/review")
def review(office: TheOffice, person: Reviewer) -> list[dict[str, Any]]:
    """Questions whose answers disagree, the oldest first."""
    return [
        {
            "id": dispute.query.id,
            "image": dispute.query.image,
            "kind": dispute.query.kind.value,
            "box": box_of(dispute.query.region),
            "agreement": dispute.agreement,
            "answers": [{"annotator": given.answer.annotator, **answer_view(given)} for given in dispute.answers],
        }
        for dispute in due(office.repo)
    ]


@router.post("/review/{id}")
def settle(
    id: Annotated[str, Path(max_length=64)], body: ReviewBody, office: TheOffice, person: Reviewer
) -> dict[str, bool]:
    """Take one person's answer, or give one's own."""
    query = office.query(id)
    if (body.annotator is None) == (body.answer is None):
        raise Refusal(422, "give either annotator (whose answer holds) or answer (your own)")
    own = answer_from(query, body.answer, office.classes, person.name) if body.answer is not None else None
    decide(office.repo, id, person.name, body.annotator, own)
    office.slow.forget()
    return {"stored": True}
