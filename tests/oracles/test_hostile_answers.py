"""Damaged and hostile answers to ``seglens answer``: one clear error each, and nothing on disk changes."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from served import make_run, stored
from typer.testing import CliRunner

from seglens.cli import app
from seglens.types import SeglensError

SIZE = (64, 96)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("hostile"), "dense", count=2)


def answered(run: Path, text: str) -> str:
    file = run.parent / "answers.jsonl"
    file.write_text(text + "\n", encoding="utf-8")
    return CliRunner().invoke(app, ["answer", str(run), str(file)], catch_exceptions=False).stdout


def refused(run: Path, text: str) -> str:
    """The error of an answers file whose first line is sound: that one is not stored either."""
    before = {path: hashlib.sha256(path.read_bytes()).digest() for path in run.rglob("*.db")}
    with pytest.raises(SeglensError) as error:
        answered(run, json.dumps({"query": "q00", "status": "void"}) + "\n" + text)
    assert before == {path: hashlib.sha256(path.read_bytes()).digest() for path in run.rglob("*.db")}
    assert stored(run) == {}
    assert "\n" not in str(error.value)
    return str(error.value)


def picture(pixels: np.ndarray, format: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format)
    return buffer.getvalue()


def claims(width: int, height: int) -> bytes:
    """A PNG whose header claims a size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def label(value: int = 1, size: tuple[int, int] = SIZE, kind: type = np.uint8) -> np.ndarray:
    return np.full(size, value, kind)


NOISE = np.random.default_rng(0).integers(0, 3, SIZE).astype(np.uint8)
MASKS: dict[str, tuple[Callable[[], bytes], str]] = {
    "bomb": (lambda: claims(46_341, 46_341), "the mask is 46341x46341, its image 64x96"),
    "large": (lambda: claims(12_000, 12_000), "the mask is 12000x12000, its image 64x96"),
    "size": (lambda: picture(label(size=(96, 64))), "the mask is 96x64, its image 64x96"),
    "sixteen-bit": (lambda: picture(label(257, kind=np.uint16)), "unknown class index 257"),
    "class": (lambda: picture(label(200)), "unknown class index 200"),
    "colour": (lambda: picture(np.zeros((*SIZE, 3), np.uint8)), "mode RGB; allowed is one channel"),
    "jpeg": (lambda: picture(label(), "JPEG"), "not a PNG"),
    "no-end": (lambda: picture(NOISE)[:-12], "damaged PNG"),
    "cut": (lambda: picture(NOISE)[:-20], "damaged PNG"),
    "half": (lambda: picture(NOISE)[: len(picture(NOISE)) // 2], "damaged PNG"),
    "flipped": (lambda: picture(NOISE)[:-40] + b"\xff" * 10 + picture(NOISE)[-30:], "damaged PNG"),
    "magic": (lambda: b"GIF89a" + bytes(100), "not a PNG"),
    "empty": (lambda: b"", "not a PNG"),
}


@pytest.mark.parametrize("name", MASKS)
def test_a_mask_that_is_none(name: str, run: Path) -> None:
    data, words = MASKS[name]
    path = run.parent / "mask.png"
    path.write_bytes(data())
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # a warning of a bomb must not be what stops it
        error = refused(run, json.dumps({"query": "q01", "mask": str(path)}))
    assert words in error
    assert str(path) in error


@pytest.mark.parametrize("path", ["none.png", ".", "/dev/zero", "a\0b", "a" * 5000])
def test_a_mask_that_is_no_file(path: str, run: Path) -> None:
    error = refused(run, json.dumps({"query": "q01", "mask": path}))
    assert "no such file" in error or "cannot be read" in error


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("[" * 200_000, "answers.jsonl:2: not JSON"),
        ('{"query": ' + '{"a":' * 100_000, "answers.jsonl:2: not JSON"),
        ('{"query": "q01", "status": "void", "seconds": ' + "9" * 5000 + "}", "answers.jsonl:2: not JSON"),
        ('{"query": "q01", "status": "void", "seconds": Infinity}', "key 'seconds', found inf"),
        ('{"query": "q01", "status": "void", "seconds": NaN}', "key 'seconds', found nan"),
        ('{"query": "q01", "status": "void", "seconds": 1e308}', "key 'seconds', found 1e+308"),
        ('{"query": "q01", "status": "void", "clicks": 1e999}', "key 'clicks', found inf"),
        ('{"query": "q01", "status": "void", "clicks": -1}', "key 'clicks', found -1"),
        ('{"query": "q01", "status": "void", "annotator": "\\ud83d"}', "surrogates not allowed"),
        ('{"query": "\\ud83d"}', "surrogates not allowed"),
        ('{"query": "q01", "point": [' + "9" * 4000 + ", 1]}", "key 'mask'"),
        ('{"query": "q01", "status": "void", "at": 1}', "unknown key 'at'"),
        ('{"query": "q99", "status": "void"}', "unknown query 'q99'"),
        ('["q01"]', "expected a JSON object, found list"),
        ('{"query": "q01"', "not JSON"),
    ],
)
def test_a_line_that_is_none(line: str, words: str, run: Path) -> None:
    assert words in refused(run, line)


def test_a_sound_mask_is_stored(tmp_path: Path) -> None:
    run = make_run(tmp_path, "dense", count=2)
    (tmp_path / "mask.png").write_bytes(picture(NOISE.astype(np.uint16)))
    assert "1 answers stored" in answered(run, json.dumps({"query": "q00", "mask": str(tmp_path / "mask.png")}))
    np.testing.assert_array_equal(stored(run)["q00"].answer.dense, NOISE[:32, :32].ravel())
