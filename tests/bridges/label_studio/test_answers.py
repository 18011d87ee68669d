"""What a person said, from the results of an annotation."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from seglens.bridges.label_studio.answers import Refused, read
from seglens.bridges.label_studio.labelling import VOID, Tool, controls, label_config
from seglens.bridges.label_studio.masks import result_of
from seglens.functional.run_lengths import encode
from seglens.types import IGNORE, Answer, AnswerKind, AnswerStatus, ClassTable, Cost, Provenance, Query, Region

CLASSES = ClassTable(("road", "car", "tree"), ((128, 64, 128), (0, 0, 142), (1, 2, 3)))
SIZE = (7, 9)
REGION = np.zeros(SIZE, bool)
REGION[1:6, 2:8] = True


def rows(first: int, last: int) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[first:last] = True
    return mask


def asked(kind: AnswerKind) -> Query:
    return Query("q", 0, Region("a", SIZE, encode(REGION), "k", 0), kind, 0.5, Cost(7.0, 30.0, 9.0))


def said(
    kind: AnswerKind,
    *results: dict[str, Any],
    prediction: np.ndarray | None = None,
    tool: Tool = Tool.BRUSH,
    **more: Any,
) -> Answer:
    annotation = {"id": 1, "lead_time": 4.5, "result": list(results), **more}
    known = controls(label_config(kind, CLASSES, tool))
    return read(annotation, asked(kind), known, CLASSES, prediction, "ana@example.org")


def drawn(mask: np.ndarray, label: str, origin: str | None = None, tool: Tool = Tool.BRUSH) -> dict[str, Any]:
    return result_of(mask, label, tool, "r") | ({"origin": origin} if origin else {})


def chosen(name: str, *values: str) -> dict[str, Any]:
    return {"from_name": name, "to_name": "image", "type": "choices", "value": {"choices": list(values)}}


def dense(answer: Answer) -> np.ndarray:
    """The answer as rows and columns of the region's box."""
    assert answer.dense is not None
    return answer.dense.reshape(5, 6)


@pytest.mark.parametrize("tool", Tool)
@pytest.mark.parametrize("kind", [AnswerKind.DENSE, AnswerKind.MASK])
def test_the_later_stroke_covers_the_earlier(kind: AnswerKind, tool: Tool) -> None:
    first, second = drawn(rows(0, 4), "road", tool=tool), drawn(rows(3, 5), "car", tool=tool)
    answer = said(kind, first, second, tool=tool)
    assert [set(row) for row in dense(answer).tolist()] == [{0}, {0}, {1}, {1}, {IGNORE}]
    assert [set(row) for row in dense(said(kind, second, first, tool=tool)).tolist()] == [{0}, {0}, {0}, {1}, {IGNORE}]
    assert (answer.status, answer.provenance) == (AnswerStatus.ANSWERED, Provenance.PERSON)
    assert answer.cost == Cost(7.0, 24.0, 4.5)  # clicks as estimated, pixels with a class, the lead time
    assert answer.annotator == "ana@example.org"


def test_what_a_person_adds_covers_what_the_model_said() -> None:
    """Road was predicted in rows 1 and 2, car in 3 to 5."""
    prediction = np.repeat([0, 0, 1, 1, 1], 6).astype(np.uint8)
    road, car = rows(1, 3), rows(3, 6)
    begun = [drawn(road, "road", "prediction"), drawn(car, "car", "prediction")]
    kind = AnswerKind.DENSE
    assert np.array_equal(said(kind, *begun, prediction=prediction).dense, prediction)
    # road enlarged over row 3, which car still covers and comes after it
    larger = [drawn(rows(1, 4), "road", "prediction-changed"), begun[1]]
    assert dense(said(kind, *larger, prediction=prediction))[:, 0].tolist() == [0, 0, 0, 1, 1]
    # even where car was changed elsewhere, too
    both = [larger[0], drawn(rows(2, 6), "car", "prediction-changed")]
    assert dense(said(kind, *both, prediction=prediction))[:, 0].tolist() == [0, 1, 0, 1, 1]
    # a stroke by hand, then one over it in the class that was predicted: the later one holds
    undone = [*begun, drawn(rows(1, 6), "tree", "manual"), drawn(rows(1, 2), "road", "manual")]
    assert dense(said(kind, *undone, prediction=prediction))[:, 0].tolist() == [0, 2, 2, 2, 2]


def test_no_class_is_void_and_counts_no_pixels() -> None:
    answer = said(AnswerKind.DENSE, drawn(rows(0, 7), "road"), drawn(rows(2, 6), VOID))
    assert dense(answer)[:, 0].tolist() == [0, *[IGNORE] * 4]
    assert answer.cost.pixels == 6
    nothing = said(AnswerKind.DENSE, drawn(rows(0, 7), VOID))
    assert (nothing.status, nothing.dense, nothing.cost.pixels) == (AnswerStatus.VOID, None, 0)


def test_names_and_their_clicks() -> None:
    one = said(AnswerKind.DOMINANT_CLASS, chosen("answer", "tree"))
    assert (one.classes, one.cost) == ((2,), Cost(1.0, 30.0, 4.5))
    several = said(AnswerKind.CLASS_SET, chosen("answer", "tree", "road"))
    assert (several.classes, several.cost) == ((2, 0), Cost(2.0, 30.0, 4.5))


@pytest.mark.parametrize(
    ("choice", "status"),
    [
        ("no class fits", AnswerStatus.VOID),
        ("not sure", AnswerStatus.UNSURE),
        ("a class is missing here", AnswerStatus.MISSING_CLASS),
    ],
)
@pytest.mark.parametrize("kind", [AnswerKind.DOMINANT_CLASS, AnswerKind.DENSE, AnswerKind.POINT])
def test_a_status_holds(kind: AnswerKind, choice: str, status: AnswerStatus) -> None:
    answer = said(kind, chosen("status", choice))
    assert (answer.status, answer.cost) == (status, Cost(1.0, 0.0, 4.5))


def test_what_was_drawn_is_kept_beside_a_status() -> None:
    answer = said(AnswerKind.DENSE, drawn(rows(0, 7), "car"), chosen("status", "not sure"))
    assert (answer.status, answer.cost.pixels) == (AnswerStatus.UNSURE, 0)
    assert answer.dense is not None
    assert (answer.dense == 1).all()


def test_a_skipped_task_is_skipped() -> None:
    answer = said(AnswerKind.DENSE, was_cancelled=True)
    assert (answer.status, answer.cost) == (AnswerStatus.SKIPPED, Cost(0.0, 0.0, 4.5))


def point(x: float, y: float) -> dict[str, Any]:
    value = {"x": x, "y": y, "width": 0.5, "keypointlabels": ["car"]}
    where = {"from_name": "answer", "to_name": "image", "original_height": 7, "original_width": 9}
    return {**where, "type": "keypointlabels", "value": value}


def test_a_point_is_the_pixel_it_lies_in() -> None:
    answer = said(AnswerKind.POINT, point(100 * 4.5 / 9, 100 * 3.5 / 7))
    assert (answer.point, answer.classes, answer.cost) == ((3, 4), (1,), Cost(1.0, 12.0, 4.5))
    with pytest.raises(Refused, match=r"\(0, 0\) lies outside the region"):
        said(AnswerKind.POINT, point(1, 1))
    with pytest.raises(Refused, match="2 points"):
        said(AnswerKind.POINT, point(50, 50), point(51, 51))
    for x in (100, -1, 1e400, "a", None):
        with pytest.raises(Refused, match=r"outside|without its place"):
            said(AnswerKind.POINT, point(x, 50))  # type: ignore[arg-type]


def test_no_answer_is_no_answer() -> None:
    with pytest.raises(Refused, match="without a class"):
        said(AnswerKind.CLASS_SET)
    with pytest.raises(Refused, match="nothing drawn inside the region"):
        said(AnswerKind.DENSE, drawn(rows(0, 1), "car"))
    with pytest.raises(Refused, match="unknown class 'lorry'"):
        said(AnswerKind.DOMINANT_CLASS, chosen("answer", "lorry"))
    with pytest.raises(Refused, match="288 words, 252 are those of 7 x 9"):
        said(AnswerKind.DENSE, drawn(np.ones((8, 9), bool), "car") | {"original_height": 7})
    with pytest.raises(Refused, match="no list"):
        said(AnswerKind.DENSE, result={"a": 1})


def bitmask(picture: Image.Image | bytes) -> dict[str, Any]:
    if isinstance(picture, Image.Image):
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        picture = buffer.getvalue()
    result = drawn(rows(0, 1), "car", tool=Tool.BITMASK)
    result["value"]["imageDataURL"] = "data:image/png;base64," + base64.b64encode(picture).decode()
    return result


def test_a_bitmask_is_where_its_alpha_is() -> None:
    alpha = np.random.default_rng(0).integers(0, 256, SIZE).astype(np.uint8)
    rgba = np.zeros((*SIZE, 4), np.uint8)
    rgba[..., 3] = alpha
    answer = said(AnswerKind.DENSE, bitmask(Image.fromarray(rgba)), tool=Tool.BITMASK)
    assert np.array_equal(answer.dense == 1, alpha[REGION] > 127)


def test_a_damaged_bitmask_is_refused() -> None:
    small = np.zeros((8, 9, 4), np.uint8)
    whole = io.BytesIO()
    Image.fromarray(np.full((*SIZE, 4), 255, np.uint8)).save(whole, "PNG")
    header = b"IHDR" + struct.pack(">IIBBBBB", 40000, 50000, 8, 6, 0, 0, 0)
    bomb = whole.getvalue()[:12] + header + struct.pack(">I", zlib.crc32(header)) + whole.getvalue()[33:]
    for wrong, why in (
        (bitmask(Image.fromarray(small)), "a PNG of 8 x 9, expected 7 x 9"),
        (bitmask(Image.new("L", (9, 7))), "without transparency"),
        (bitmask(b"GIF89a"), "no PNG"),
        (bitmask(whole.getvalue()[:-30]), "no PNG"),
        (bitmask(bomb), "no PNG"),
    ):
        with pytest.raises(Refused, match=why):
            said(AnswerKind.DENSE, wrong, tool=Tool.BITMASK)
    for url in (None, "data:image/png;base64,%%%", "http://127.0.0.1/mask.png"):
        wrong = bitmask(b"")
        wrong["value"]["imageDataURL"] = url
        with pytest.raises(Refused, match="bitmask"):
            said(AnswerKind.DENSE, wrong, tool=Tool.BITMASK)
