"""Our run-lengths and the ones of Label Studio's own package say the same."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
import studio
from scipy.ndimage import gaussian_filter

from seglens.functional.brush import decode, encode

THEIRS = """
import sys
import numpy as np
from label_studio_sdk.converter.brush import decode_rle, encode_rle

given = np.load(sys.argv[1])
found = {}
for name in [n for n in given.files if n.startswith("mask")]:
    mask, ours = given[name], given["ours" + name]
    found["read" + name] = decode_rle(ours.tolist()).reshape(*mask.shape, 4)
    rgba = np.repeat(np.where(mask, 255, 0).astype(np.uint8)[..., None], 4, axis=2)
    found["theirs" + name] = np.array(encode_rle(rgba.ravel()), np.uint8)
    rgba[..., :3] = np.arange(mask.size).reshape(*mask.shape, 1) % 7  # blocks of single words
    found["mixed" + name] = np.array(encode_rle(rgba.ravel()), np.uint8)
np.savez(sys.argv[2], **found)
"""


@pytest.mark.label_studio
def test_label_studios_own_codec_agrees(installed: None, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sizes = [(1, 1), (1, 2), (37, 53), (128, 129), (101, 163)]
    masks = [gaussian_filter(rng.random(size), 1) > 0.5 for size in sizes]
    masks += [np.zeros((129, 255), bool), np.ones((131, 257), bool), rng.random((23, 31)) > 0.5]
    given = {f"mask{i}": mask for i, mask in enumerate(masks)}
    given |= {f"oursmask{i}": encode(mask) for i, mask in enumerate(masks)}
    np.savez(tmp_path / "given.npz", **given)
    python = studio.HOME / "bin" / "python"
    files = [str(tmp_path / "given.npz"), str(tmp_path / "found.npz")]
    subprocess.run([str(python), "-c", THEIRS, *files], check=True, timeout=300)
    with np.load(tmp_path / "found.npz") as found:
        for i, mask in enumerate(masks):
            read = found[f"readmask{i}"]
            assert np.array_equal(read, np.repeat(np.where(mask, 255, 0)[..., None], 4, axis=2))
            assert np.array_equal(decode(found[f"theirsmask{i}"], mask.shape), mask)
            assert np.array_equal(decode(found[f"mixedmask{i}"], mask.shape), mask)
