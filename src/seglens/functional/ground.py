"""Proximity without any depth model: a flat ground plane, and where each thing of a label map touches it.

The inverse depth of a plane under a level camera is linear in the row: 0 at the horizon, greatest at the bottom. What
stands on the plane is as near as the spot where it touches it. That is a prior, not a measurement: hills, things in
the air and a tilted camera break it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage import measure

from seglens.functional.roles import Roles
from seglens.types import BoolArray, FloatArray, IntArray

PLAUSIBLE = (0.25, 0.6)
"""The horizon lies between these shares of the height."""
UNSEEN = 0.04
"""Share of the height between the farthest ground that is seen and the horizon: with a camera 1.3 m above the road
and a height of about the focal length over two, ground 60 m ahead."""
USUAL = 0.45
"""The horizon, as a share of the height, where no ground is seen."""
CROWN = 1.0
"""A tree spreads sideways by as much as its foot lies below the horizon (the camera's height above the ground)."""
THING = 0.1
"""Likewise for things: arms and bumpers reach a little beyond what stands."""
BEHIND = 0.6
"""Stuff that something hides down to its foot is so much as near as what hides it: it stands farther back."""


def horizon_row(ground: BoolArray) -> float:
    """The row of the horizon, from what lies on the ground.

    Args:
        ground: (h, w) which pixels lie on the ground. Only the largest connected piece counts.

    Returns:
        The row, pixels from the top: a little above the highest columns of ground (5th percentile), held within a
        plausible share of the height.
    """
    height = len(ground)
    pieces, count = ndimage.label(ground)
    if not count:
        return USUAL * height
    largest = pieces == 1 + int(np.bincount(pieces.ravel())[1:].argmax())
    tops = largest.argmax(0)[largest.any(0)]
    row = float(np.percentile(tops, 5)) - UNSEEN * height
    return min(max(row, PLAUSIBLE[0] * height), PLAUSIBLE[1] * height)


def ground_proximity(label: IntArray, roles: Roles, horizon: float | None = None) -> npt.NDArray[np.float32]:
    """Proximity of each pixel of a label map, predicted or true.

    Ground: linear in the row, 1 in the last row, 0 at the horizon. Sky: 0. A piece (connected pixels of one class)
    that touches the ground or the lower edge of the image: as near as the row where it does, column by column; hidden
    columns lie on the line between their neighbours. Trees spread sideways above the horizon. A piece that nowhere
    touches it: a sign or light takes the nearest pole below it, anything else the farthest of what it borders on
    below (stuff is somewhat farther). Pixels of no class (IGNORE) are pieces like any other: the own car, bins.

    Args:
        label: (h, w) class index.
        roles: what lies on the ground, what is sky, what stands in every column on its own.
        horizon: share of the height, 0 to 1; None = estimated from the ground.

    Returns:
        (h, w) float32 in [0, 1], 1 = near.

    Example:
        >>> from seglens.functional.roles import Roles
        >>> road_under_sky = np.repeat([1, 1, 0, 0], 2)[:, None].repeat(3, 1)
        >>> ground_proximity(road_under_sky, Roles((0,), (1,)), horizon=0.5)[:, 0].astype(float).round(2).tolist()
        [0.0, 0.0, 0.0, 0.0, 0.14, 0.43, 0.71, 1.0]
    """
    ground, sky = np.isin(label, roles.ground), np.isin(label, roles.sky)
    plane = _Plane(label.shape[0], horizon_row(ground) if horizon is None else horizon * label.shape[0])
    scene = _Scene(np.asarray(label), roles, plane, ground, ground | sky)
    hidden = [piece for piece in range(1, len(scene.boxes) + 1) if not scene.stand(piece)]
    scene.hide(hidden)
    return scene.proximity


@dataclass(frozen=True)
class _Plane:
    """The ground under a horizon, both in rows."""

    height: int
    horizon: float

    def at(self, row: FloatArray | float) -> FloatArray:
        """Proximity of the ground at a row (pixel centres lie at halves)."""
        reach = max(self.height - 0.5 - self.horizon, 0.5)
        near: FloatArray = np.clip((np.asarray(row, np.float32) - self.horizon) / reach, 0, 1)
        return near


class _Scene:
    """The pieces of one label map, and the proximity found so far.

    Args:
        label: (h, w) class index.
        roles: of the classes.
        plane: the ground plane.
        ground: (h, w) what lies on it.
        solved: (h, w) what needs no piece: ground and sky.
    """

    def __init__(self, label: IntArray, roles: Roles, plane: _Plane, ground: BoolArray, solved: BoolArray) -> None:
        self.label, self.roles, self.plane, self.solved = label, roles, plane, solved
        rows = plane.at(np.arange(len(label)) + 0.5).astype(np.float32)
        self.proximity: npt.NDArray[np.float32] = np.where(ground, rows[:, None], np.float32(0))
        coloured = np.where(solved, 0, label.astype(np.int32) + 1)
        self.pieces: IntArray = measure.label(coloured, background=0, connectivity=2)
        self.boxes: list[tuple[slice, slice]] = ndimage.find_objects(self.pieces)
        touches = self.pieces > 0
        touches[:-1] &= ground[1:]
        self.feet = np.full((len(self.boxes) + 1, label.shape[1]), -1)
        y, x = np.nonzero(touches)
        np.maximum.at(self.feet, (self.pieces[y, x], x), y + 1)

    def stand(self, piece: int) -> bool:
        """Give a piece the proximity of its feet; False where it has none."""
        box = self.boxes[piece - 1]
        feet = self.feet[piece, box[1]]
        seen = np.flatnonzero(feet >= 0)
        if not len(seen):
            return False
        inside = self.pieces[box] == piece
        kind = self._class(box, inside)
        line = np.interp(np.arange(len(feet)), seen, feet[seen])
        if kind in self.roles.crowns:
            above = np.arange(box[0].start, box[0].stop)[:, None] < self.plane.horizon
            rows = np.where(above, self._spread(line, feet, seen, CROWN), line)
        else:
            reach = 0.0 if kind in self.roles.wide else THING
            rows = np.broadcast_to(self._spread(line, feet, seen, reach), inside.shape)
        self._set(box, inside, self.plane.at(rows[inside]))
        return True

    def hide(self, pieces: list[int]) -> None:
        """Settle the pieces that touch no ground, from the bottom up: what is below them comes first."""
        for piece in sorted(pieces, key=lambda piece: -self.boxes[piece - 1][0].stop):
            rows, columns = self.boxes[piece - 1]
            box = slice(rows.start, min(rows.stop + 1, len(self.label))), columns
            inside = self.pieces[box] == piece
            kind = self._class(box, inside)
            near = self._pole(rows.start, columns) if kind in self.roles.mounted else None
            if near is None:
                below = np.zeros_like(inside)
                below[1:] = inside[:-1]
                below &= ~inside & self.solved[box]
                # Nothing below is known either: as if it stood on its own lowest row.
                known = self.proximity[box][below].min() if below.any() else self.plane.at(rows.stop)
                near = float(known) * (BEHIND if kind in self.roles.wide else 1)
            self._set(box, inside, near)

    def _pole(self, top: int, columns: slice) -> float | None:
        """The proximity of the nearest pole in these columns, below ``top``."""
        strip = slice(top, None), columns
        poles = np.isin(self.label[strip], self.roles.poles) & self.solved[strip]
        return float(self.proximity[strip][poles].max()) if poles.any() else None

    def _spread(self, line: FloatArray, feet: IntArray, seen: IntArray, reach: float) -> FloatArray:
        """Each foot pushed sideways by ``reach`` times its distance below the horizon; the nearest foot wins."""
        if not reach:
            return line
        wide = line.copy()
        sides = (reach * (feet - self.plane.horizon)).astype(int)
        for x in seen[sides[seen] > 0]:
            side = int(sides[x])
            around = slice(max(x - side, 0), x + side + 1)
            np.maximum(wide[around], feet[x], out=wide[around])
        return wide

    def _class(self, box: tuple[slice, slice], inside: BoolArray) -> int:
        return int(self.label[box].flat[inside.argmax()])

    def _set(self, box: tuple[slice, slice], inside: BoolArray, value: FloatArray | float) -> None:
        self.proximity[box][inside] = value
        self.solved[box] |= inside
