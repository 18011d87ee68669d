"""How much entropy and attention say of where a prediction is wrong: a logistic regression on answered pixels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
from scipy.special import expit
from scipy.stats import rankdata

from seglens.types import BoolArray, Chance, FloatArray, ImageId, Seen, SeglensError

Weights: TypeAlias = tuple[float, float]
"""Of attention (PAE) and entropy (EBU)."""

EQUAL: Weights = (0.5, 0.5)
NAMES = ("pae", "ebu")
MOST = 200_000
"""Pixels fitted to, at most; drawn by chance, each known pixel alike."""
RIDGE = 1.0
"""Penalty of the coefficients: half of it times their squares, the intercept's aside (scikit-learn's C is 1 / it)."""
STEPS = 100


def fit(seen: Iterable[Seen], most: int = MOST) -> dict[str, Any]:
    """Weights such that attention and entropy, added, tell best where predictions were wrong.

    A logistic regression of "wrong" on both maps over the pixels whose answer is known, wrong and right ones given
    equal weight in all (errors are rare). The coefficients, scaled to sum 1, are the weights; a negative one counts as
    0 and is named in ``clipped``. The maps are those of the time of asking, and so is the prediction: it is judged by
    answers that its model had not seen.

    Args:
        seen: images with the maps ``pae`` and ``ebu`` and where their predictions proved wrong; read once.
        most: pixels fitted to, at most; drawn by chance from image id and place alone.

    Returns:
        Plain JSON values. ``fitted``; ``weights`` by name, equal ones where nothing was fitted, with ``why``;
        ``coefficients``, ``intercept`` (of the balanced fit) and ``clipped`` where there was a fit; ``images``;
        ``pixels`` fitted to; ``known`` pixels in all; ``share_wrong`` of the fitted ones; ``auroc`` on them of each
        map, of equal and of the learnt weights: in-sample, hardly optimistic for three numbers.

    Raises:
        SeglensError: an image without the maps, or with values that are not finite.
    """
    maps, wrong, images, known = _sample(seen, most)
    told: dict[str, Any] = {"images": images, "known": known, "pixels": len(wrong)}
    if not len(wrong):
        return told | _equal("no answer about a prediction is known yet")
    told["share_wrong"] = float(wrong.mean())
    if wrong.all() or not wrong.any():
        return told | _equal("every known pixel was " + ("wrong" if wrong.all() else "right"))
    coefficients = logistic(maps, wrong)
    positive = np.maximum(coefficients[:2], 0)
    told |= {
        "coefficients": dict(zip(NAMES, coefficients[:2].tolist(), strict=True)),
        "intercept": float(coefficients[2]),
        "clipped": [name for name, value in zip(NAMES, coefficients, strict=False) if value < 0],
        "auroc": {name: auroc(column, wrong) for name, column in zip(NAMES, maps.T, strict=True)},
    }
    told["auroc"]["equal"] = auroc(maps @ np.array(EQUAL), wrong)
    if not positive.sum():
        return told | _equal("neither map rises with error")
    weights = positive / positive.sum()
    told["auroc"]["learned"] = auroc(maps @ weights, wrong)
    return told | {"fitted": True, "weights": dict(zip(NAMES, weights.tolist(), strict=True))}


def _equal(why: str) -> dict[str, Any]:
    return {"fitted": False, "why": why, "weights": dict(zip(NAMES, EQUAL, strict=True))}


def _sample(seen: Iterable[Seen], most: int) -> tuple[FloatArray, BoolArray, int, int]:
    """(n, 2) maps and (n,) wrong of at most ``most`` known pixels, all alike; images and known pixels in all.

    Each pixel draws a number, and the lowest stay: never more than twice ``most`` and an image are held.
    """
    maps, wrong, draws = np.zeros((0, 2)), np.zeros(0, bool), np.zeros(0)
    times: Counter[ImageId] = Counter()
    known = 0
    for image in seen:
        at = image.wrong >= 0
        columns = [_known(image, name, at) for name in NAMES]
        chance = Chance(("explainable-error", "learn", image.image, times[image.image]))
        times[image.image] += 1
        drawn = chance.numpy().random(int(at.sum()))
        known += len(drawn)
        maps = np.concatenate([maps, np.stack(columns, axis=1)])
        wrong = np.concatenate([wrong, image.wrong[at] == 1])
        draws = np.concatenate([draws, drawn])
        if len(draws) > 2 * most:
            kept = np.argpartition(draws, most)[:most]
            maps, wrong, draws = maps[kept], wrong[kept], draws[kept]
    kept = np.argsort(draws, kind="stable")[:most]
    return maps[kept], wrong[kept], times.total(), known


def _known(image: Seen, name: str, at: BoolArray) -> FloatArray:
    if name not in image.maps or image.maps[name].shape != at.shape:
        found = ", ".join(f"{key} {value.shape}" for key, value in image.maps.items()) or "nothing"
        raise SeglensError(f"image '{image.image}': expected a map '{name}' of {at.shape}, found {found}")
    values = np.asarray(image.maps[name][at], np.float64)
    if not np.isfinite(values).all():
        raise SeglensError(f"image '{image.image}': map '{name}' is not finite")
    return values


def logistic(maps: FloatArray, wrong: BoolArray, ridge: float = RIDGE) -> FloatArray:
    """Class-balanced logistic regression by Newton's method.

    Args:
        maps: (n, K) values.
        wrong: (n,) both values occur.
        ridge: penalty of the coefficients.

    Returns:
        (K + 1,) coefficients, then the intercept.

    Reference: King and Zeng, Logistic Regression in Rare Events Data (2001), the weighting.
    """
    x = np.concatenate([maps, np.ones((len(maps), 1))], axis=1)
    share = wrong.mean()
    weight = np.where(wrong, 0.5 / share, 0.5 / (1 - share))
    penalty = np.append(np.full(maps.shape[1], ridge), 0.0)
    sign = np.where(wrong, 1.0, -1.0)

    def loss(b: FloatArray) -> float:
        return float(weight @ np.logaddexp(0, -sign * (x @ b)) + 0.5 * penalty @ b**2)

    b = np.zeros(x.shape[1])
    best = loss(b)
    for _ in range(STEPS):
        p = expit(x @ b)
        slope = x.T @ (weight * (p - wrong)) + penalty * b
        curve = (x.T * (weight * p * (1 - p))) @ x + np.diag(penalty)
        step = np.linalg.lstsq(curve, slope, rcond=None)[0]
        tried = loss(b - step)
        while tried > best and np.abs(step).max() > 1e-12:  # a full step may overshoot where all is far from the data
            step = step / 2
            tried = loss(b - step)
        b, best = b - step, tried
        if np.abs(step).max() < 1e-9:
            break
    return b


def auroc(value: FloatArray, wrong: BoolArray) -> float:
    """Chance that a wrong pixel has a higher value than a right one; ties count half.

    Args:
        value: (n,).
        wrong: (n,) both values occur.

    Example:
        >>> auroc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
        0.75
    """
    ranks, positive = rankdata(value), int(wrong.sum())
    above = ranks[wrong].sum() - positive * (positive + 1) / 2
    return float(above / (positive * (len(wrong) - positive)))
