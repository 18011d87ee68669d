"""A pinhole camera above the ground plane.

It looks level; its pitch is a shift of the horizon's row, so that depth (metres ahead) is constant along a row of flat
ground.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seglens.data.streets.mesh import Floats
from seglens.types import Size

NEAR = 0.6
"""Nothing nearer than this is drawn, metres."""


@dataclass(frozen=True)
class Camera:
    """Where the camera is (world x, z and height, metres), where it looks (yaw, radians) and how (pixels)."""

    x: float
    z: float
    height: float
    yaw: float
    focal: float
    horizon: float
    size: Size

    def see(self, x: Floats, y: Floats, z: Floats) -> Floats:
        """World points as (P, 3): right, up from the camera's height, ahead, in metres."""
        sin, cos = np.sin(self.yaw), np.cos(self.yaw)
        dx, dz = x - self.x, z - self.z
        return np.stack([cos * dx - sin * dz, y - self.height, sin * dx + cos * dz], -1)

    def project(self, seen: Floats) -> Floats:
        """Seen points as (P, 2): column and row; points that are not ahead are held at NEAR."""
        scale = self.focal / np.maximum(seen[..., 2], NEAR)
        return np.stack([self.size[1] / 2 + seen[..., 0] * scale, self.horizon - seen[..., 1] * scale], -1)

    def rays(self) -> tuple[Floats, Floats]:
        """Right (W,) and up (H,) of each pixel centre's ray, for one metre ahead."""
        columns = (np.arange(self.size[1]) + 0.5 - self.size[1] / 2) / self.focal
        rows = (self.horizon - np.arange(self.size[0]) - 0.5) / self.focal
        return columns, rows


def clip(polygon: Floats) -> Floats:
    """The part of a seen polygon (k, 3) that is farther than NEAR, (m, 3)."""
    after = np.roll(polygon, -1, axis=0)
    kept = []
    for a, b in zip(polygon, after, strict=True):
        if a[2] >= NEAR:
            kept.append(a)
        if (a[2] >= NEAR) != (b[2] >= NEAR):
            kept.append(a + (b - a) * (NEAR - a[2]) / (b[2] - a[2]))
    return np.array(kept).reshape(-1, 3)
