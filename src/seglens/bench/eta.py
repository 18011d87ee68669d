"""When runs will have ended: pure functions."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from seglens.bench.grid import Reached


def ends(left: Sequence[float], jobs: int) -> list[float]:
    """When each of several pieces of work has ended, begun in order by ``jobs`` workers.

    Args:
        left: seconds of each piece.
        jobs: workers.

    Returns:
        Seconds from now, in the same order.

    Example:
        >>> ends([30, 10, 10, 5], 2)
        [30.0, 10.0, 20.0, 25.0]
    """
    free = [0.0] * jobs
    found = []
    for seconds in left:
        end = heapq.heappop(free) + seconds if seconds else 0.0
        if seconds:
            heapq.heappush(free, end)
        found.append(end)
    return found


def seconds_left(reached: Sequence[Reached], rounds: Sequence[int], rows: Sequence[str]) -> list[float] | None:
    """What each run has left to do, by the seconds of the rounds that are done: of its row, or of all rows.

    Args:
        reached: how far each run is.
        rounds: the rounds of each.
        rows: the row of each.

    Returns:
        Seconds of each run; None while no round is done.
    """
    if not any(run.rounds for run in reached):
        return None
    found = []
    for run, wanted, row in zip(reached, rounds, rows, strict=True):
        alike = [one for one, name in zip(reached, rows, strict=True) if name == row and one.rounds] or reached
        a_round = sum(one.seconds for one in alike) / sum(one.rounds for one in alike)
        found.append(max(wanted - run.rounds, 0) * a_round)
    return found
