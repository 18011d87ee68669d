"""Answers that do not agree, or that an audit doubts: a reviewer says which holds."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path

from seglens.store.desk import Draft
from seglens.store.review import decide, due, keep
from seglens.types import Cost
from seglens.web.answering import answer_from
from seglens.web.asking import answer_view, box_of
from seglens.web.bodies import DraftBody, ReviewBody
from seglens.web.doubts import doubted
from seglens.web.refusal import Refusal
from seglens.web.who import Reviewer, TheOffice

router = APIRouter(prefix="/api")
Id = Annotated[str, Path(max_length=64)]


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


@router.get("/doubts")
def doubts(office: TheOffice, person: Reviewer) -> dict[str, Any]:
    """Answers that the last audit doubts, the most suspicious first; no review has decided on them."""
    return doubted(office)


@router.put("/review/{id}/draft")
def draft(id: Id, body: DraftBody, office: TheOffice, person: Reviewer) -> dict[str, int]:
    """Store a reviewer's unfinished answer; only a newer one than is stored."""
    office.query(id)
    keep(office.repo, id, person.name, Draft(body.revision, body.written()))
    return {"revision": body.revision}


@router.post("/review/{id}")
def settle(id: Id, body: ReviewBody, office: TheOffice, person: Reviewer) -> dict[str, bool]:
    """Take one person's answer, or give one's own."""
    query = office.query(id)
    if (body.annotator is None) == (body.answer is None):
        raise Refusal(422, "give either annotator (whose answer holds) or answer (your own)")
    if body.answer is None:
        taking = Cost(body.clicks, 0.0, body.seconds)
        decide(office.repo, id, person.name, body.annotator, None, body.edits, taking=taking, seen=body.seen)
    else:
        own = answer_from(query, body.answer, office.classes, person.name)
        decide(office.repo, id, person.name, None, own, body.answer.edits, body.answer.revision)
    office.slow.forget()
    return {"stored": True}
