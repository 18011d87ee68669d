"""Why a question is asked: plain numbers that are stored with it, and the same in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from seglens.functional.run_lengths import indices
from seglens.types import ClassTable, FloatArray, IntArray, Region, Size

EDGE = 1 / 3
"""Share of the height or width that counts as left, right, top or bottom."""
NEAR = 0.25
"""Mean proximity from which a region is called near: within four times the nearest distance (20 m where 5 m is 1)."""

MEASURES = {"ebu": "entropy", "pae": "attention"}
"""Maps that a prompt gives as its why, and what it calls them."""


def reason(
    region: Region,
    size: Size,
    probs: FloatArray,
    value: float,
    share: FloatArray | None,
    classes: ClassTable,
    maps: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """What the model said of a region when it was picked.

    Args:
        region: the region, native.
        size: the model's size (h, w).
        probs: (C, h, w) probabilities.
        value: the region's final score.
        share: (C,) share of the pool's pixels predicted as each class, or None.
        classes: the classes.
        maps: the region's mean of each named map of the score (``ebu``, ``pae``, ``proximity``, ...), or None.

    Returns:
        Plain JSON values. ``classes``: the two with most mean probability in the region, best first; ``names`` of the
        two; ``probs``: these means; ``margin``: their difference; ``entropy``: mean over the region's pixels, 0 to 1;
        ``score``; ``share``: of the pool predicted as the first class, or None; ``rare``: that share is below a quarter
        of an even one, 1/(4 C); ``pixels``: native; ``place``: words such as "bottom left"; ``maps``, where there are
        any: their means.
    """
    inside = probs[:, *_pixels_at(region, size)]
    mean = inside.mean(axis=1, dtype=np.float64)
    first, second = (int(c) for c in np.argsort(-mean, kind="stable")[:2])
    logs = np.log(np.maximum(inside, np.finfo(np.float32).tiny))
    entropy = float(-(inside * logs).sum(0).mean(dtype=np.float64) / np.log(len(mean)))
    common = float(share[first]) if share is not None else None
    found = {
        "classes": [first, second],
        "names": [classes.names[first], classes.names[second]],
        "probs": [float(mean[first]), float(mean[second])],
        "margin": float(mean[first] - mean[second]),
        "entropy": entropy,
        "score": float(value),
        "share": common,
        "rare": common is not None and common < 1 / (4 * len(mean)),
        "pixels": region.pixels,
        "place": _place(region),
    }
    return found | _means(maps)


def first_round_reason(region: Region, classes: ClassTable, maps: Mapping[str, float] | None = None) -> dict[str, Any]:
    """The reason of a question asked before there was a model.

    Args:
        region: the region, native.
        classes: the classes.
        maps: as for ``reason``: its ``proximity``, from a depth source that needs no model.

    Returns:
        Plain JSON values: ``first_round`` true, ``pixels`` and ``place``; ``maps``, where there are any.
    """
    return {"first_round": True, "pixels": region.pixels, "place": _place(region)} | _means(maps)


def mean_of(map: FloatArray, region: Region, size: Size) -> float:
    """The mean of an (h, w) map at the model's size over a region."""
    return float(map[_pixels_at(region, size)].mean(dtype=np.float64))


def _means(maps: Mapping[str, float] | None) -> dict[str, Any]:
    return {"maps": {name: float(mean) for name, mean in maps.items()}} if maps else {}


def audit_reason(region: Region) -> dict[str, Any]:
    """The reason of a question about an image of the audit set: plain JSON values, ``audit`` true and ``pixels``."""
    return {"audit": True, "pixels": region.pixels}


def words(reason: Mapping[str, Any]) -> str:
    """A reason in words: every number and class in them stands in ``reason``.

    Example:
        >>> words({"names": ["rider", "pedestrian"], "margin": 0.0421, "rare": True})
        'rider or pedestrian, margin 0.04, rare class'
        >>> maps = {"ebu": 0.62, "pae": 0.8, "proximity": 0.9}
        >>> words({"names": ["rider", "person"], "margin": 0.0421, "rare": False, "maps": maps})
        'near rider, perhaps person: entropy 0.62, attention 0.80'
        >>> words({"names": ["rider", "person"], "margin": 0.0421, "maps": {"proximity": 0.1}})
        'far rider or person, margin 0.04'
    """
    if reason.get("audit"):
        return "audit set: drawn by chance, to measure on and never to learn from"
    if reason.get("first_round"):
        near = _how_near(reason).strip()
        return f"first round: spread over images, {near}" if near else "first round: spread over images"
    if any(name in reason.get("maps", {}) for name in MEASURES):
        return _prompt(reason)
    said = [_how_near(reason) + " or ".join(reason["names"]), f"margin {reason['margin']:.2f}"]
    if reason.get("rare"):
        said.append("rare class")
    return ", ".join(said)


def _prompt(reason: Mapping[str, Any]) -> str:
    """The candidate prompt of an explainable error mask: predicted object, likely confusion, how near, and why.

    Reference: SegXAL (arXiv 2408.04482), Fig. 3 (d).
    """
    maps = reason["maps"]
    why = [f"{said} {maps[name]:.2f}" for name, said in MEASURES.items() if name in maps]
    why += ["rare class"] if reason.get("rare") else []
    return f"{_how_near(reason)}{reason['names'][0]}, perhaps {reason['names'][1]}: {', '.join(why)}"


def _how_near(reason: Mapping[str, Any]) -> str:
    proximity = reason.get("maps", {}).get("proximity")
    return "" if proximity is None else "near " if proximity >= NEAR else "far "


def _pixels_at(region: Region, size: Size) -> tuple[IntArray, IntArray]:
    """Rows and columns of the map's pixels that the region's pixels lie in, each once."""
    y, x = np.divmod(indices(region.runs), region.size[1])
    at = np.unique((y * size[0] // region.size[0]) * size[1] + x * size[1] // region.size[1])
    rows, columns = np.divmod(at, size[1])
    return rows, columns


def _place(region: Region) -> str:
    y, x = np.divmod(indices(region.runs), region.size[1])
    down, right = (float(y.mean()) + 0.5) / region.size[0], (float(x.mean()) + 0.5) / region.size[1]
    upright = "top" if down < EDGE else "bottom" if down > 1 - EDGE else ""
    across = "left" if right < EDGE else "right" if right > 1 - EDGE else ""
    return " ".join(part for part in (upright, across) if part) or "middle"
