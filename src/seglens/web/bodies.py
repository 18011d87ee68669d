"""What the page sends, checked before anything looks at it."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from seglens.store.people import Role
from seglens.types import AnswerStatus

DEEPEST = 64
"""Most nesting of what the page keeps for itself."""
LARGEST = 2**53 - 1


def shallow(value: Any) -> Any:
    """``value`` itself, plain JSON that can be written again.

    Raises:
        ValueError: nested too deep, or a number that is none.
    """
    below = [(value, 0)]
    while below:
        found, depth = below.pop()
        if depth > DEEPEST:
            raise ValueError(f"nested deeper than {DEEPEST}")
        parts = found.values() if isinstance(found, dict) else found if isinstance(found, list) else (found,)
        for part in parts:
            if isinstance(part, float) and not math.isfinite(part):
                raise ValueError("a number that is not finite")
            if part is not found and isinstance(part, dict | list):
                below.append((part, depth + 1))
    return value


Opaque: TypeAlias = Annotated[Any, AfterValidator(shallow)]
Id: TypeAlias = Annotated[str, Field(min_length=1, max_length=64)]
Image: TypeAlias = Annotated[str, Field(min_length=1, max_length=1024)]
Place: TypeAlias = tuple[Annotated[int, Field(ge=0, lt=2**31)], Annotated[int, Field(ge=0, lt=2**31)]]
Count: TypeAlias = Annotated[int, Field(ge=0, le=10**9)]
Run: TypeAlias = tuple[Annotated[int, Field(ge=0, lt=2**40)], Annotated[int, Field(gt=0, lt=2**40)]]
Class: TypeAlias = Annotated[int, Field(ge=0, le=255)]


class Body(BaseModel):
    """Base of what the page sends: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(Body):
    """An empty object."""


class Effort(Body):
    """What an answer took, in all: seconds with the question at hand, clicks, edits."""

    seconds: float = Field(0.0, ge=0, le=1e9, allow_inf_nan=False)
    clicks: Count = 0
    edits: Count = 0


class Mask(Body):
    """Pixels by class, [[class, [[start, length], ...]], ...], over the image's row-major pixels; 255 = not said."""

    runs_by_class: list[tuple[Class, list[Run]]] = Field(default=[], max_length=256)


class Said(Effort):
    """What is said to a question. How it came about (``strokes``, those ``undone``, ``steps`` of classes, a ``polygon``
    begun) is the page's own."""

    strokes: Opaque = Field(default=None)
    undone: Opaque = Field(default=None)
    steps: Opaque = Field(default=None)
    polygon: Opaque = Field(default=None)
    mask: Mask | None = None
    classes: list[Class] = Field(default=[], max_length=256)
    point: Place | None = None

    def written(self) -> bytes:
        """As a draft is stored."""
        said = self.model_dump(mode="json", exclude={"status"})
        return json.dumps(said, allow_nan=False, separators=(",", ":")).encode("ascii")


class DraftBody(Said):
    """An unfinished answer."""

    revision: int = Field(ge=1, le=LARGEST)


class AnswerBody(Said):
    """What a person says."""

    status: AnswerStatus = AnswerStatus.ANSWERED
    revision: int = Field(default=1, ge=1, le=LARGEST)

    def kept(self) -> bytes | None:
        """The draft that stays with the answer, for going on from it; None where no steps are told."""
        return self.written() if self.strokes or self.undone or self.steps else None


class ManyBody(Effort):
    """One class for several questions; the effort is of all together."""

    queries: list[Id] = Field(min_length=1, max_length=200)
    classes: list[Class] = Field(min_length=1, max_length=256)


class ClaimBody(Body):
    """Which question to have next; ``after``: one to leave to the others."""

    after: Id | None = None
    query: Id | None = None


class LoginBody(Body):
    """Who comes in."""

    name: str = Field(max_length=64)
    password: str = Field(max_length=1024)


class PersonBody(Body):
    """A new account."""

    name: str = Field(max_length=64)
    role: Role = Role.ANNOTATOR
    password: str | None = Field(default=None, max_length=1024)


class ReviewBody(Effort):
    """Whose answer holds, and what taking it took; or the reviewer's own, which says so itself."""

    annotator: str | None = Field(default=None, max_length=64)
    seen: Count | None = None  # the revision of that answer
    answer: AnswerBody | None = None


class CutOutBody(Body):
    """Points inside and outside of what is cut out, (y, x) in the image's pixels."""

    image: Image
    query: Id | None = None
    inside: list[Place] = Field(default=[], max_length=256)
    outside: list[Place] = Field(default=[], max_length=256)
    box: tuple[Count, Count, Count, Count] | None = None
    by: str = Field(default="walker", max_length=16)
