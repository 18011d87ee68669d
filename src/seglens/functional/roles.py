"""What the classes of a street scene do for its geometry: lie on the ground, fill the sky, stand on the ground."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from seglens.types import SeglensError

GROUND = (
    "road", "sidewalk", "pavement", "terrain", "parking", "ground", "grass", "earth", "path", "floor", "dirt", "sand",
    "rail track", "road marking", "lane marking", "lane", "bike lane", "service lane", "crosswalk", "crosswalk plain",
    "curb", "curb cut", "road shoulder", "parking block", "lane mkgs driv", "lane mkgs non driv",
    "lane marking general", "lane marking crosswalk", "drivable", "field", "snow", "runway",
)  # fmt: skip
"""Classes that lie flat on the ground plane, by name (Cityscapes, CamVid, Mapillary, ADE20K and their kin)."""
SKY = ("sky",)
WIDE = (
    "building", "wall", "fence", "vegetation", "tree", "guard rail", "bridge", "tunnel", "house", "archway", "hedge",
    "barrier", "mountain", "vegetation misc", "skyscraper", "hill", "plant", "bush",
)  # fmt: skip
"""Stuff that stands on the ground along a line of its own in every column."""
CROWNS = ("vegetation", "tree", "vegetation misc", "palm", "plant")
"""Stuff that is wider above than where it stands."""
MOUNTED = ("traffic light", "traffic sign", "sign", "sign symbol", "banner", "billboard", "street light")
"""Things that hang on a pole, by the names of WIDE's style."""
POLES = ("pole", "column pole", "polegroup", "traffic cone", "utility pole", "traffic sign frame")


@dataclass(frozen=True)
class Roles:
    """Class indices by role. A class without any is a thing that stands on the ground where it touches it.

    Args:
        ground: lies on the ground plane.
        sky: infinitely far.
        wide: stuff whose contact with the ground differs from column to column.
        crowns: of ``wide``, what spreads above where it stands (trees).
        mounted: things that hang on a pole (signs, lights).
        poles: what they hang on.
    """

    ground: tuple[int, ...]
    sky: tuple[int, ...] = ()
    wide: tuple[int, ...] = ()
    crowns: tuple[int, ...] = ()
    mounted: tuple[int, ...] = ()
    poles: tuple[int, ...] = ()


def roles(names: Sequence[str], ground: Sequence[str] = (), sky: Sequence[str] = (), wide: Sequence[str] = ()) -> Roles:
    """The roles of a dataset's classes.

    Args:
        names: the class names, index = position. Case, spaces, hyphens and underscores do not matter.
        ground: names of the classes that lie on the ground; empty = the known ones among ``names``.
        sky: likewise of the sky; none at all is fine.
        wide: likewise of the stuff that stands on the ground column by column.

    Raises:
        SeglensError: a name that is no class, or no class that is known to lie on the ground.

    Example:
        >>> roles(("sky", "Road", "tree", "car")).ground
        (1,)
    """
    found = Roles(
        ground=_indices(names, ground, GROUND, "ground"),
        sky=_indices(names, sky, SKY, "sky"),
        wide=_indices(names, wide, WIDE, "wide"),
        crowns=_indices(names, (), CROWNS, "crowns"),
        mounted=_indices(names, (), MOUNTED, "mounted"),
        poles=_indices(names, (), POLES, "poles"),
    )
    if not found.ground:
        raise SeglensError(
            f"depth 'ground': none of the classes {', '.join(names) or '(none)'} is known to lie on the ground; name "
            "those that do, for example depth: {name: ground, ground: [road, pavement]}, or take depth: ramp"
        )
    return found


def _indices(names: Sequence[str], given: Sequence[str], known: Sequence[str], key: str) -> tuple[int, ...]:
    plain = [_plain(name) for name in names]
    for name in given:
        if _plain(name) not in plain:
            raise SeglensError(f"depth 'ground': key '{key}': no class '{name}'. Allowed: {', '.join(names)}")
    wanted = {_plain(name) for name in given or known}
    return tuple(index for index, name in enumerate(plain) if name in wanted)


def _plain(name: str) -> str:
    """``LaneMkgsDriv``, ``lane_mkgs-driv`` and ``Lane Mkgs Driv`` as one."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return " ".join(re.split(r"[\s_\-]+", parted.lower())).strip()
