"""Which setting of SLIC gives the count that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

NEAR = 1.4
"""Two settings whose counts differ by no more than this factor may be mixed."""


@dataclass(frozen=True)
class Setting:
    """SLIC's ``n_segments``: ``high`` for a share of the images, spread evenly over the pool, else ``low``."""

    low: int
    high: int
    share: float

    def at(self, rank: int) -> int:
        """The setting of the image with this place in the pool."""
        return self.high if int((rank + 1) * self.share + 1e-9) > int(rank * self.share + 1e-9) else self.low


class Search:
    """Looks for a setting, and remembers what it measured.

    Args:
        measure: the mean count at a setting; it grows with it, in steps.
        tolerance: relative; one setting that comes this near is used for all images.
        tries: most settings to measure for one target.
    """

    def __init__(self, measure: Callable[[int], float], tolerance: float = 0.025, tries: int = 8) -> None:
        self.measure, self.tolerance, self.tries = measure, tolerance, tries
        self.counts: dict[int, float] = {}

    def find(self, wanted: float) -> Setting:
        """The setting for a mean count of ``wanted``.

        SLIC starts from a grid of whole steps, so that its count jumps, by a quarter and more on small images: where
        ``wanted`` lies within a jump, two settings are mixed.
        """
        n = max(round(wanted), 1)
        for _ in range(self.tries):
            if n not in self.counts:
                self.counts[n] = self.measure(n)
            if abs(self.counts[n] / wanted - 1) <= self.tolerance:
                break
            below, above = self._around(wanted)
            if below and above and self.counts[above] <= NEAR * self.counts[below]:
                break
            n = max(round(n * wanted / max(self.counts[n], 1.0)), 1)
            if below and above and not min(below, above) < n < max(below, above):
                n = (below + above) // 2
            if n in self.counts:
                break
        return self._mixed(wanted)

    def _around(self, wanted: float) -> tuple[int | None, int | None]:
        """The measured settings next below and above ``wanted``."""
        below = max((n for n, c in self.counts.items() if c < wanted), key=lambda n: self.counts[n], default=None)
        above = min((n for n, c in self.counts.items() if c >= wanted), key=lambda n: self.counts[n], default=None)
        return below, above

    def _mixed(self, wanted: float) -> Setting:
        best = min(self.counts, key=lambda n: (abs(self.counts[n] / wanted - 1), n))
        below, above = self._around(wanted)
        if below is None or above is None or abs(self.counts[best] / wanted - 1) <= self.tolerance:
            return Setting(best, best, 0.0)
        share = (wanted - self.counts[below]) / (self.counts[above] - self.counts[below])
        return Setting(below, above, share)
