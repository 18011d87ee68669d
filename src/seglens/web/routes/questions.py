"""Questions: claimed, drafted, answered, looked at again."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from seglens.store.database import LostError
from seglens.store.desk import Draft
from seglens.types import SeglensError
from seglens.web.answering import answer_from, same, share_of
from seglens.web.asking import box_of, history_view, question, queue_view, suggestion
from seglens.web.bodies import LARGEST, AnswerBody, ClaimBody, DraftBody, ManyBody, Nothing
from seglens.web.figures import mine
from seglens.web.refusal import Refusal
from seglens.web.similar import alike
from seglens.web.who import AtDesk, Somebody, TheOffice

router = APIRouter(prefix="/api")
Id = Annotated[str, Path(max_length=64)]


@router.post("/claim", response_model=None)
def claim(body: ClaimBody, office: TheOffice, owner: AtDesk) -> dict[str, Any] | Response:
    """The next question for this desk; 204 where none is left."""
    if body.query is not None:
        chosen = office.desk.claim_one(owner, body.query)
        if body.after is not None and body.after != chosen.id:
            office.desk.release(owner, body.after)
        return question(office, owner, chosen.id)
    found = office.desk.claim(owner, body.after)
    return question(office, owner, found.id) if found is not None else Response(status_code=204)


@router.get("/queue")
def queue(office: TheOffice, owner: AtDesk, limit: Annotated[int, Query(ge=1, le=100)] = 8) -> list[dict[str, Any]]:
    """The next questions in the order asked, on whosever desk they are; those that this desk may claim are free."""
    return [queue_view(waiting) for waiting in office.desk.queue(owner, limit)]


@router.get("/questions/{id}")
def look(id: Id, office: TheOffice, owner: AtDesk, person: Somebody) -> dict[str, Any]:
    """A question with one's own answer; of others' questions only what is on this desk."""
    office.query(id)
    mine_too = office.desk.given(owner.person, id) is not None or office.desk.seconds_left(owner, id) > 0
    if not (mine_too or person.reviews):
        raise Refusal(403, f"question '{id}': neither answered by you nor on your desk; claim it first")
    return question(office, owner, id)


@router.post("/questions/{id}/renew")
def renew(id: Id, body: Nothing, office: TheOffice, owner: AtDesk) -> dict[str, float]:
    """Keep a question on the desk."""
    return {"seconds_left": office.desk.renew(owner, id)}


@router.post("/questions/{id}/release")
def release(id: Id, body: Nothing, office: TheOffice, owner: AtDesk) -> dict[str, bool]:
    """Give a question back."""
    office.desk.release(owner, id)
    return {"released": True}


@router.put("/questions/{id}/draft")
def save(id: Id, body: DraftBody, office: TheOffice, owner: AtDesk) -> dict[str, int]:
    """Store an unfinished answer; only a newer one than is stored."""
    office.desk.save(owner, id, Draft(body.revision, body.written()))
    return {"revision": body.revision}


@router.post("/questions/{id}/answer")
def answer(id: Id, body: AnswerBody, office: TheOffice, owner: AtDesk) -> dict[str, Any]:
    """Hand in an answer, or change one's own."""
    given = answer_from(office.query(id), body, office.classes, owner.person)
    if office.desk.hand_in(owner, given, body.edits, body.revision, body.kept()):
        office.slow.forget()
    return {"stored": True, "revision": body.revision, "answered": mine(office, owner.person)["answered"]}


@router.get("/answers")
def answers(
    office: TheOffice,
    owner: AtDesk,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    before: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
) -> list[dict[str, Any]]:
    """One's own answers, the newest first; ``before``: the ``number`` of the last one seen."""
    return [history_view(given) for given in office.desk.history(owner.person, limit, before)]


@router.post("/questions/{id}/similar")
def similar(
    id: Id, office: TheOffice, owner: AtDesk, limit: Annotated[int, Query(ge=1, le=100)] = 24
) -> list[dict[str, Any]]:
    """Open questions that look like this one; they are put on this desk."""
    found = alike(office, owner, office.query(id), limit)
    taken = set(office.desk.claim_several(owner, [query.id for query in found]))
    return [
        {"id": q.id, "image": q.image, "box": box_of(q.region), "suggestion": suggestion(q)}
        for q in found
        if q.id in taken
    ]


@router.post("/answers/many")
def answer_many(body: ManyBody, office: TheOffice, owner: AtDesk) -> dict[str, Any]:
    """The same classes for several questions; the effort is shared out evenly. Sent twice, it changes nothing."""
    count = len(dict.fromkeys(body.queries))
    refused: list[dict[str, str]] = []
    for place, id in enumerate(dict.fromkeys(body.queries)):
        draft = office.desk.draft(owner.person, id)
        revision = min(draft.revision + 1 if draft is not None else 1, LARGEST)
        try:
            one = share_of(body, office.query(id), place, revision)
            given = answer_from(office.query(id), one, office.classes, owner.person)
            before = office.desk.given(owner.person, id)
            if before is None:
                office.desk.hand_in(owner, given, one.edits, one.revision)
            elif not same(before.answer, given):
                raise SeglensError(f"question '{id}': you have answered it already")
        except LostError:
            raise  # is tried again, whole
        except SeglensError as error:
            refused.append({"id": id, "error": str(error)})
    office.slow.forget()
    return {"stored": count - len(refused), "refused": refused}
