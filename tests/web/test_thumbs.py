"""Thumbnails: what is asked, outlined in its surroundings, pixel by pixel."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from scipy import ndimage
from served import make_run, page

from seglens.functional.run_lengths import encode
from seglens.types import BoolArray, ByteArray


def seen(client: TestClient, path: str, **params: Any) -> ByteArray:
    response = client.get(path, params=params or None)
    assert response.status_code == 200, response.text
    with Image.open(BytesIO(response.content)) as picture:
        return np.asarray(picture.convert("RGB"))


def enlarged(image: ByteArray, box: tuple[int, int, int, int]) -> ByteArray:
    """A crop of an image at twice its size."""
    top, left, bottom, right = box
    crop = Image.fromarray(image[top:bottom, left:right])
    return np.asarray(crop.resize((2 * (right - left), 2 * (bottom - top)), Image.Resampling.BILINEAR))


def close_to(picture: ByteArray, expected: ByteArray, where: BoolArray) -> None:
    """Equal but for what JPEG does."""
    gap = np.abs(picture.astype(int) - expected.astype(int)).max(-1)[where]
    assert gap.mean() < 6
    assert np.quantile(gap, 0.95) < 25


def check(picture: ByteArray, plain: ByteArray, mask: BoolArray, width: int) -> None:
    """A thumbnail shows ``plain`` with ``mask`` outlined: white next to it, ``width`` wide, and black around that."""
    assert picture.shape == plain.shape
    away = ndimage.distance_transform_cdt(~mask, "taxicab")
    within = ndimage.distance_transform_cdt(mask, "taxicab")
    assert picture[(away > 0) & (away <= width)].min() > 200
    assert picture[away == width + 1].max() < 70
    close_to(picture, plain, away > width + 2)
    within[: width + 1] = within[-width - 1 :] = 0  # where the picture ends, the line lies on the region
    close_to(picture, plain, within > 2)


def test_a_region_is_outlined_in_its_surroundings(tmp_path: Path) -> None:
    with page(make_run(tmp_path)) as client:
        image = client.get("/api/questions/q01").json()["image"]
        photo = seen(client, "/api/picture", image=image, exact=True)
        thumb = seen(client, "/api/thumb", query="q01", size=160)
        box = (0, 8, 56, 88)  # rows 0 to 32, columns 32 to 64, and 24 pixels around: the image's upper edge is near
        mask = np.zeros((112, 160), bool)
        mask[:64, 48:112] = True
        check(thumb, enlarged(photo, box), mask, 2)
        assert thumb[:2, 48:112].min() > 200
        small = seen(client, "/api/thumb", query="q01", size=40)
        assert small.shape == (28, 40, 3)
        assert small[16, 12:28].min() > 180


def test_the_guide_outlines_what_was_called_so(tmp_path: Path) -> None:
    with page(make_run(tmp_path, "dense")) as client:
        asked = client.get("/api/questions/q00").json()
        car = np.zeros((64, 96), bool)
        car[8:20, 10:24] = True
        runs = [[3, encode(car).tolist()]]
        body = {"revision": 1, "mask": {"runs_by_class": runs}}
        assert client.post("/api/questions/q00/answer", json=body).status_code == 200
        (url,) = client.get("/api/guide").json()[3]["examples"]
        photo = seen(client, "/api/picture", image=asked["image"], exact=True)
        box = (0, 0, 44, 48)
        shown = seen(client, url.replace("size=160", "size=96"))
        check(shown, enlarged(photo, box), enlarged_mask(car, box), 1)
        changed = np.roll(car, 6, axis=1)
        body = {"revision": 2, "mask": {"runs_by_class": [[3, encode(changed).tolist()]]}}
        assert client.post("/api/questions/q00/answer", json=body).status_code == 200
        shown = seen(client, url.replace("size=160", "size=96"))
        check(shown, enlarged(photo, box), enlarged_mask(changed, box), 1)


def enlarged_mask(mask: BoolArray, box: tuple[int, int, int, int]) -> BoolArray:
    return mask[box[0] : box[2], box[1] : box[3]].repeat(2, 0).repeat(2, 1)


def test_a_point_is_marked(tmp_path: Path) -> None:
    with page(make_run(tmp_path, "point")) as client:
        body = {"revision": 1, "classes": [2], "point": [30, 31]}
        assert client.post("/api/questions/q00/answer", json=body).status_code == 200
        image = client.get("/api/questions/q00").json()["image"]
        (url,) = client.get("/api/guide").json()[2]["examples"]
        shown = seen(client, url.replace("size=160", "size=98"))  # rows 6 to 55, columns 7 to 56
        mask = np.zeros((98, 98), bool)
        mask[42:56, 42:56] = True
        check(shown, enlarged(seen(client, "/api/picture", image=image, exact=True), (6, 7, 55, 56)), mask, 1)


@pytest.mark.parametrize(
    ("params", "status", "error"),
    [
        ({}, 422, "expected query, or image and box"),
        ({"image": "pool/0000_00"}, 422, "expected query, or image and box"),
        ({"query": "nothing"}, 404, "nothing"),
        ({"query": "q00", "said": 3}, 404, "no such answer"),
        ({"query": "q00", "box": "0,0,999,999"}, 422, "inside the image"),
    ],
)
def test_what_cannot_be_shown_is_said(tmp_path: Path, params: dict[str, Any], status: int, error: str) -> None:
    with page(make_run(tmp_path)) as client:
        response = client.get("/api/thumb", params=params)
        assert (response.status_code, error in response.json()["error"]) == (status, True), response.text
