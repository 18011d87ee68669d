"""The run: what it asks about, where it stands, its report."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from seglens.report import write_report
from seglens.store.database import LostError
from seglens.types import IGNORE, SeglensError
from seglens.web.bodies import Nothing
from seglens.web.figures import goal, guide_texts, mine, shared_status
from seglens.web.refusal import Refusal
from seglens.web.who import AtDesk, Boss, Somebody, TheOffice

router = APIRouter(prefix="/api")
REPORT_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


@router.get("/run")
def run(office: TheOffice, person: Somebody) -> dict[str, Any]:
    """What does not change while people answer."""
    classes, texts = office.classes, guide_texts(office.run)
    return {
        "id": office.repo.run_id(),
        "name": office.run.resolve().name,
        "classes": [
            {"index": i, "name": name, "color": list(color), "text": texts.get(name, "")}
            for i, (name, color) in enumerate(zip(classes.names, classes.colors, strict=True))
        ],
        "void": IGNORE,
        "kind": office.config.answer.value,
        "layers": office.layers.names(),
        "scales": ["fine", "medium", "coarse"],
        "cut_out": ["walker", "sam2"] if office.sam is not None else ["walker"],
        "goal": goal(office),
    }


@router.get("/status")
def status(office: TheOffice, owner: AtDesk) -> dict[str, Any]:
    """Where the run stands; asked for every two seconds by every page."""
    return {**shared_status(office), "mine": mine(office, owner.person)}


@router.post("/round")
def begin_round(body: Nothing, office: TheOffice, boss: Boss) -> dict[str, bool]:
    """Go on with the run now."""
    try:
        office.driver.start()
    except LostError:
        raise
    except SeglensError as error:
        raise Refusal(409, str(error)) from None
    office.slow.forget()
    return {"started": True}


@router.get("/report")
def report(office: TheOffice, person: Somebody) -> HTMLResponse:
    """The HTML report of the run, as of now."""
    path = write_report(office.run, office.run / "web" / "report.html")
    return HTMLResponse(path.read_text(encoding="utf-8"), headers={"Content-Security-Policy": REPORT_POLICY})
