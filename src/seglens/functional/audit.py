"""How much an answer is to be doubted: by what a model says of its pixels, and by answers about pixels like them.

R answers, C classes. An answer names one class, or several of which one is right: ``said`` (R, C) bool has a row each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seglens.functional.neighbours import BLOCK, unit
from seglens.types import BoolArray, FloatArray, IntArray

NEIGHBOURS = 16
"""Answers about the most similar regions that are heard."""
REACH = 0.1
"""Difference of cosines at which a neighbour counts 1/e of the nearest one."""
PRIOR = 1.0
"""Weight of all classes alike beside the neighbours' votes, the nearest one's being 1."""
FLOORS = (1e-3, 1e-2)
"""Least probability by the model, and least share of the votes, that is told apart from 0."""


@dataclass(frozen=True)
class Doubts:
    """What speaks against R answers.

    Args:
        suspicion: (R,) log of how much likelier, by model and neighbours together, the best class that was not named is
            than the best one that was. Above 0 they would have said something else; higher = look sooner.
        confidence: (R,) the model's mean probability of what was said, over the region.
        preferred: (R,) the class to which the model gives most.
        margin: (R,) its mean probability less ``confidence``, not below 0.
        agreement: (R,) share of the neighbours' votes for what was said.
        neighbours: (R,) the class that gets most of them.
        better: (R,) the class that both together would rather have heard.
    """

    suspicion: FloatArray
    confidence: FloatArray
    preferred: IntArray
    margin: FloatArray
    agreement: FloatArray
    neighbours: IntArray
    better: IntArray


def doubts(
    probs: FloatArray, features: FloatArray, said: BoolArray, images: IntArray, trust: float = 1.0, k: int = NEIGHBOURS
) -> Doubts:
    """What speaks against each answer: model and neighbours are two witnesses, and their evidence is multiplied.

    Args:
        probs: (R, C) the model's mean probability of each class over the answer's region. A model that learnt these
            very answers repeats them: better one that did not (cross-fitting).
        features: (R, D) of the regions (``joined``).
        said: (R, C) what was named, one class or more.
        images: (R,) number of each region's image. Answers about the same image are no witnesses: a person who takes
            one object for another does so all over it.
        trust: weight of the model beside the neighbours; 0 = they alone decide.
        k: neighbours.

    Example:
        >>> probs, said = np.array([[0.9, 0.1], [0.8, 0.2], [0.9, 0.1]]), np.eye(2, dtype=bool)[[0, 0, 1]]
        >>> found = doubts(probs, np.ones((3, 1)), said, np.arange(3))
        >>> int(found.suspicion.argmax()), found.better.tolist()
        (2, [1, 1, 0])
    """
    votes = neighbour_votes(features, said, images, k)
    joint = trust * np.log(probs + FLOORS[0]) + np.log(votes + FLOORS[1])
    other = np.where(said, -np.inf, joint)
    suspicion = other.max(1) - np.where(said, joint, -np.inf).max(1)
    confidence: FloatArray = np.where(said, probs, 0).sum(1)
    return Doubts(
        suspicion,
        confidence,
        probs.argmax(1),
        np.maximum(probs.max(1) - confidence, 0.0),
        np.where(said, votes, 0).sum(1),
        votes.argmax(1),
        other.argmax(1),
    )


def joined(taps: Sequence[FloatArray]) -> FloatArray:
    """(R, sum of D) features of several layers side by side: each dimension at mean 0 and variance 1 over the regions,
    each layer counting alike.

    Args:
        taps: (R, D) each.
    """
    parts = []
    for tap in taps:
        spread = tap.std(0)
        scaled = np.divide(tap - tap.mean(0), spread, out=np.zeros(tap.shape), where=spread > 0)
        parts.append(scaled / np.sqrt(tap.shape[1]))
    return np.concatenate(parts, axis=1)


def neighbour_votes(features: FloatArray, said: BoolArray, images: IntArray, k: int = NEIGHBOURS) -> FloatArray:
    """(R, C) share of the votes for each class of the k answers about the most similar regions of other images.

    A vote counts exp((cosine - that of the nearest) / ``REACH``); an answer that names several classes parts its vote.
    ``PRIOR`` votes go to all classes alike, so that a region without neighbours is of every class.

    Args:
        features: (R, D); similar = of a high cosine.
        said: (R, C) what was named.
        images: (R,) number of each region's image; nobody votes about the own one.
        k: neighbours.
    """
    points, count = unit(features), len(features)
    ballots = said / said.sum(1, keepdims=True)
    k = min(k, count)
    votes = np.empty(said.shape)
    step = max(BLOCK // max(count, 1), 1)
    for start in range(0, count, step):
        few = slice(start, start + step)
        cosine = points[few] @ points.T
        cosine[images[few, None] == images[None]] = -np.inf
        near = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
        close = np.take_along_axis(cosine, near, 1)
        nearest = close.max(1, keepdims=True)
        nearest[~np.isfinite(nearest)] = 0.0  # nobody to hear
        weight = np.exp((close - nearest) / REACH)
        votes[few] = (weight[:, :, None] * ballots[near]).sum(1)
    votes += PRIOR / said.shape[1]
    share: FloatArray = votes / votes.sum(1, keepdims=True)
    return share
