"""Pictures: photos, superpixels, layers, neighbours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from seglens.types import ImageId
from seglens.web.asking import box_of
from seglens.web.examples import outlined
from seglens.web.office import Office
from seglens.web.pictures import Picture
from seglens.web.refusal import Refusal
from seglens.web.thumbs import around
from seglens.web.who import Somebody, TheOffice

router = APIRouter(prefix="/api")
Image = Annotated[str, Query(max_length=1024)]
NEW_EACH_ROUND = "private, no-cache"
NEVER_NEW = "private, max-age=3600"


def known(office: Office, image: str) -> ImageId:
    """An image of the run.

    Raises:
        Refusal: 404; an id is looked up in a list, never on the disk.
    """
    if image not in office.known:
        shown = image[:80].encode("ascii", "replace").decode()
        raise Refusal(404, f"image: found '{shown}', which is none of this run's")
    return image


async def _given(
    request: Request, ready: Picture | None, make: Callable[[], Picture | None], cache: str, missing: str = ""
) -> Response:
    picture = ready if ready is not None else await run_in_threadpool(make)
    if picture is None:
        raise Refusal(404, missing)
    headers = {"ETag": picture.etag, "Cache-Control": cache, **picture.headers}
    if picture.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(picture.data, media_type=picture.kind, headers=headers)


@router.get("/picture")
async def picture(image: Image, request: Request, office: TheOffice, person: Somebody, exact: bool = False) -> Response:
    """The image: JPEG, or with ``exact`` PNG."""
    id = known(office, image)
    ready = office.pictures.ready(f"photo-{'png' if exact else 'jpeg'}", id)
    return await _given(request, ready, lambda: office.pictures.photo(id, exact), NEVER_NEW)


@router.get("/ids")
async def ids(
    image: Image,
    request: Request,
    office: TheOffice,
    person: Somebody,
    scale: Literal["fine", "medium", "coarse"] = "medium",
) -> Response:
    """Superpixel numbers: red + 256 green + 65536 blue of an RGB PNG."""
    id = known(office, image)
    ready = office.pictures.ready(f"ids-{scale}", id)
    return await _given(request, ready, lambda: office.pictures.ids(id, scale), NEVER_NEW)


@router.get("/layer")
async def layer(
    image: Image,
    name: Literal["prediction", "entropy", "proximity", "eem", "score", "candidates", "labels"],
    request: Request,
    office: TheOffice,
    person: Somebody,
) -> Response:
    """A layer: 8-bit grey PNG, a class index or a value a pixel."""
    id = known(office, image)
    missing = f"layer: there is no '{name}' of this image yet"
    return await _given(request, None, lambda: office.layers.layer(id, name), NEW_EACH_ROUND, missing)


@router.get("/thumb")
async def thumb(
    request: Request,
    office: TheOffice,
    person: Somebody,
    image: Annotated[str | None, Query(max_length=1024)] = None,
    box: Annotated[str | None, Query(max_length=64, description="top,left,bottom,right")] = None,
    query: Annotated[str | None, Query(max_length=64, description="a question, instead of an image")] = None,
    said: Annotated[int | None, Query(ge=0, le=255, description="outline what the question's answer calls so")] = None,
    size: Annotated[int, Query(ge=16, le=1024)] = 160,
) -> Response:
    """A crop as JPEG: of an image, or of a question's region, outlined in its surroundings."""
    if query is not None:
        cache = NEVER_NEW if said is None else NEW_EACH_ROUND
        return await _given(
            request, None, lambda: _of_question(office, query, said, box, size), cache, "no such answer"
        )
    if image is None or box is None:
        raise Refusal(422, "thumb: expected query, or image and box")
    id = known(office, image)
    found = _box(box, office.size(id))
    return await _given(request, None, lambda: office.pictures.thumb(id, found, size), NEVER_NEW)


def _of_question(office: Office, id: str, said: int | None, box: str | None, size: int) -> Picture | None:
    query = office.query(id)
    region = query.region if said is None else outlined(office.repo, query, said)
    if region is None:
        return None
    if box is not None:
        place = _box(box, region.size)
    else:
        top, left, bottom, right = box_of(region)
        place = around((top, left, bottom, right), region.size)
    return office.pictures.thumb(query.image, place, size, region)


@router.get("/neighbours")
def neighbours(
    image: Image, office: TheOffice, person: Somebody, n: Annotated[int, Query(ge=0, le=20)] = 2
) -> dict[str, Any]:
    """Images before and after this one in its sequence."""
    id = known(office, image)
    group = office.data.item(id).group
    together = office.groups()[group]
    place = together.index(id)
    return {"before": together[max(0, place - n) : place], "after": together[place + 1 : place + 1 + n]}


def _box(text: str, size: tuple[int, int]) -> tuple[int, int, int, int]:
    parts = text.split(",")
    if len(parts) != 4 or not all(part.strip().isdecimal() and len(part.strip()) < 10 for part in parts):
        raise Refusal(422, "box: expected top,left,bottom,right in whole pixels")
    top, left, bottom, right = (int(part) for part in parts)
    if not (0 <= top < bottom <= size[0] and 0 <= left < right <= size[1]):
        raise Refusal(
            422, f"box: found {top},{left},{bottom},{right}; allowed: inside the image of {size[0]} x {size[1]}"
        )
    return top, left, bottom, right
