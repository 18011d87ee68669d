"""Masks as Label Studio's results hold them: brush run-lengths, or bitmaps as the data URL of a PNG."""

from __future__ import annotations

import base64
import binascii
import io
from typing import Any

import numpy as np
from PIL import Image

from seglens.bridges.label_studio.labelling import ANSWER, IMAGE, TAGS, Tool
from seglens.functional import brush
from seglens.types import BoolArray, Size

DATA_URL = "data:image/png;base64,"


def result_of(mask: BoolArray, label: str, tool: Tool, id: str) -> dict[str, Any]:
    """A mask of one class as a result.

    Args:
        mask: (H, W) bool.
        label: its class.
        tool: how it is held.
        id: of the result, unlike any other's of the same task.
    """
    kind = TAGS[tool].lower()
    value: dict[str, Any] = {kind: [label]}
    if tool is Tool.BRUSH:
        value |= {"format": "rle", "rle": brush.encode(mask).tolist()}
    else:
        value["imageDataURL"] = _data_url(mask)
    height, width = mask.shape
    return {
        "id": id,
        "type": kind,
        "from_name": ANSWER,
        "to_name": IMAGE,
        "image_rotation": 0,
        "original_width": width,
        "original_height": height,
        "value": value,
    }


def mask_of(result: dict[str, Any], size: Size) -> BoolArray:
    """The (H, W) mask of a result, of either tool.

    Raises:
        ValueError: damaged, or of another size.
    """
    if result["type"] == TAGS[Tool.BRUSH].lower():
        if result["value"].get("format") != "rle":
            raise ValueError(f"brush of format '{result['value'].get('format')}', allowed: rle")
        return brush.decode(result["value"].get("rle"), size)
    return _bitmap(result["value"].get("imageDataURL"), size)


def _data_url(mask: BoolArray) -> str:
    """Black where the mask is, transparent elsewhere, as the server's own page writes it."""
    grey_alpha = np.zeros((*mask.shape, 2), np.uint8)
    grey_alpha[..., 1] = np.where(mask, 255, 0)
    buffer = io.BytesIO()
    Image.fromarray(grey_alpha).save(buffer, "PNG")
    return DATA_URL + base64.b64encode(buffer.getvalue()).decode()


def _bitmap(url: Any, size: Size) -> BoolArray:
    if not isinstance(url, str) or not url.startswith(DATA_URL):
        raise ValueError("bitmask: expected a PNG as a data URL")
    try:
        raw = base64.b64decode(url[len(DATA_URL) :], validate=True)
        with Image.open(io.BytesIO(raw), formats=("PNG",)) as image:
            if (image.height, image.width) != size:  # before anything is unpacked
                raise ValueError(f"bitmask: a PNG of {image.height} x {image.width}, expected {size[0]} x {size[1]}")
            if "A" not in image.getbands() and "transparency" not in image.info:
                raise ValueError("bitmask: a PNG without transparency, which would be painted everywhere")
            alpha = np.asarray(image.convert("RGBA"))[..., 3]
    except (
        OSError,
        SyntaxError,
        binascii.Error,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        raise ValueError(f"bitmask: no PNG ({error})") from None
    mask: BoolArray = alpha > brush.OPAQUE
    return mask
