"""The label config of a project: what people are given to answer with, and whether a result fits it.

The server checks no result, so each is checked here, before it is sent and when it comes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from xml.etree import ElementTree

from seglens.types import AnswerKind, AnswerStatus, ClassTable, SeglensError, Size

IMAGE, ANSWER, STATUS = "image", "answer", "status"
"""Names of the image that is labelled, of the control that answers, and of the one that says why there is no answer."""
VOID = "(no class)"
"""The label of pixels that no class fits."""
VOID_COLOUR = "#000000"
STATUSES = {
    "no class fits": AnswerStatus.VOID,
    "not sure": AnswerStatus.UNSURE,
    "a class is missing here": AnswerStatus.MISSING_CLASS,
}
"""What a person can say instead of an answer."""
DRAWN = (AnswerKind.DENSE, AnswerKind.MASK)
NAMED = (AnswerKind.DOMINANT_CLASS, AnswerKind.CLASS_SET)
KINDS = (*DRAWN, *NAMED, AnswerKind.POINT)
"""What can be asked there; a verdict cannot."""
ASKED = {
    AnswerKind.DENSE: "Which class is each pixel? Only what lies inside the outline counts.",
    AnswerKind.MASK: "Which class is each pixel? Only what lies inside the outline counts.",
    AnswerKind.DOMINANT_CLASS: "Which class is most of what is outlined?",
    AnswerKind.CLASS_SET: "Which classes are there inside the outline?",
    AnswerKind.POINT: "Set one point inside the outline, of the class that is there.",
}


class Tool(StrEnum):
    """How pixels are drawn there: as brush run-lengths, or as bitmaps (lighter, in newer servers)."""

    BRUSH = "brush"
    BITMASK = "bitmask"


TAGS = {Tool.BRUSH: "BrushLabels", Tool.BITMASK: "BitmaskLabels"}
MASKS = frozenset(tag.lower() for tag in TAGS.values())
"""Types of results that hold a mask."""
POINTS = "keypointlabels"
CHOICES = "choices"


def label_config(kind: AnswerKind, classes: ClassTable, tool: Tool) -> str:
    """The label config for questions of one kind: each class with its colour.

    Raises:
        SeglensError: a class name that Label Studio would read as something else, or no such kind.
    """
    for name in classes.names:
        if name.startswith("$") or name == VOID or name != name.strip():
            raise SeglensError(
                f"class '{name}': Label Studio cannot hold that name; allowed: one without a leading $, without blanks "
                f"around it, other than '{VOID}'"
            )
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, "Header", value=ASKED[kind])
    ElementTree.SubElement(view, "Text", name="why", value="$why")
    shown = {"zoom": "true", "zoomControl": "true", "brightnessControl": "true", "contrastControl": "true"}
    ElementTree.SubElement(view, "Image", {"name": IMAGE, "value": "$image", **shown})
    if kind in NAMED:
        choice = "single" if kind is AnswerKind.DOMINANT_CLASS else "multiple"
        control = _choices(view, ANSWER, choice, classes.names)
        for child, colour in zip(control, classes.colors, strict=True):
            child.set("background", _hex(colour))
    else:
        tag = "KeyPointLabels" if kind is AnswerKind.POINT else TAGS[tool]
        control = ElementTree.SubElement(view, tag, name=ANSWER, toName=IMAGE)
        for name, colour in zip(classes.names, classes.colors, strict=True):
            ElementTree.SubElement(control, "Label", value=name, background=_hex(colour))
        if kind in DRAWN:
            ElementTree.SubElement(control, "Label", value=VOID, background=VOID_COLOUR)
    ElementTree.SubElement(view, "Header", value="Or:", size="5")
    _choices(view, STATUS, "single", list(STATUSES))
    ElementTree.SubElement(view, "Text", name="about", value="$about")
    ElementTree.SubElement(view, "Image", name="beside", value="$beside")
    ElementTree.SubElement(view, "Text", name="map_about", value="$map_about")
    ElementTree.SubElement(view, "Image", name="map", value="$map")
    return ElementTree.tostring(view, encoding="unicode")


def _choices(view: ElementTree.Element, name: str, choice: str, values: Any) -> ElementTree.Element:
    given = {"name": name, "toName": IMAGE, "choice": choice, "showInline": "true"}
    control = ElementTree.SubElement(view, "Choices", given)
    for value in values:
        ElementTree.SubElement(control, "Choice", value=value)
    return control


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


@dataclass(frozen=True)
class Control:
    """What gives results of one kind: ``type`` as results name it, the objects it is for, the labels it knows."""

    type: str
    to: frozenset[str]
    labels: frozenset[str]
    single: bool = False


def controls(config: str) -> dict[str, Control]:
    """The controls of a label config, by name.

    Raises:
        SeglensError: no XML.
    """
    try:
        root = ElementTree.fromstring(config)
    except ElementTree.ParseError as error:
        raise SeglensError(f"the project's label config is no XML: {error}") from None
    found = {}
    for element in root.iter():
        name, to = element.get("name"), element.get("toName")
        if name and to:
            labels = {value for child in element for value in (child.get("value"), child.get("alias")) if value}
            single = element.tag == "Choices" and element.get("choice", "single").startswith("single")
            found[name] = Control(element.tag.lower(), frozenset(to.split(",")), frozenset(labels), single)
    return found


def problem(result: Any, known: Mapping[str, Control], size: Size) -> str | None:
    """What of a result does not fit the label config, or the image's size; None = it fits.

    Args:
        result: one entry of a prediction's or annotation's ``result``.
        known: the project's controls.
        size: (H, W) of the image asked about.
    """
    if not isinstance(result, dict) or not isinstance(result.get("value"), dict):
        return "a result without a value"
    control = known.get(str(result.get("from_name")))
    if control is None:
        return f"no control '{result.get('from_name')}' in the label config; there are {', '.join(sorted(known))}"
    if result.get("to_name") not in control.to:
        return f"control '{result['from_name']}' is not for '{result.get('to_name')}'"
    if result.get("type") != control.type:
        return f"control '{result['from_name']}' gives '{control.type}', found '{result.get('type')}'"
    if control.type in {CHOICES, POINTS, *MASKS}:
        said = result["value"].get(control.type)
        if not isinstance(said, list) or not said:
            return f"control '{result['from_name']}': nothing chosen"
        unknown = [label for label in said if label not in control.labels]
        if unknown:
            return f"unknown class '{unknown[0]}'; the label config has {', '.join(sorted(control.labels))}"
        if len(said) > 1 and (control.single or control.type != CHOICES):
            return f"control '{result['from_name']}': {len(said)} labels where one is allowed"
    if control.type in {POINTS, *MASKS}:
        found = (result.get("original_height"), result.get("original_width"))
        if found != size:
            return f"drawn on an image of {found[0]} x {found[1]}, this one is {size[0]} x {size[1]}"
    return None
