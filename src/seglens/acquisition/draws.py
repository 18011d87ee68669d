"""Draws for rows that depend on image id and region number alone, never on the order of the rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from seglens.types import FloatArray, ImageId, IntArray, Rows


def image_ranks(rows: Rows) -> tuple[list[ImageId], IntArray]:
    """The distinct image ids, sorted, and (R,) int64 the place of each row's image among them."""
    names = sorted(set(rows.images))
    place = {name: rank for rank, name in enumerate(names)}
    return names, np.fromiter((place[name] for name in rows.images), np.int64, len(rows))


def by_row(rows: Rows, draw: Callable[[ImageId, int], FloatArray]) -> FloatArray:
    """One draw a row.

    Args:
        rows: the rows.
        draw: given an image id and n, (n, K) draws for its regions 0 to n - 1; its first rows must not depend on n.

    Returns:
        (R, K) the draws of each row.
    """
    names, ranks = image_ranks(rows)
    if not names:
        return np.zeros((0, 1))
    order = np.argsort(ranks, kind="stable")
    bounds = np.searchsorted(ranks[order], np.arange(len(names) + 1))
    result: FloatArray | None = None
    for rank, name in enumerate(names):
        mine = order[bounds[rank] : bounds[rank + 1]]
        drawn = draw(name, int(rows.regions[mine].max()) + 1)
        if result is None:
            result = np.empty((len(rows), drawn.shape[1]))
        result[mine] = drawn[rows.regions[mine]]
    assert result is not None
    return result
