"""The Cityscapes training ids that the generator paints with."""

from __future__ import annotations

from enum import IntEnum

from seglens.types import IGNORE


class Label(IntEnum):
    """Class index of a surface; VOID is not a class."""

    ROAD = 0
    SIDEWALK = 1
    BUILDING = 2
    WALL = 3
    FENCE = 4
    POLE = 5
    LIGHT = 6
    SIGN = 7
    VEGETATION = 8
    TERRAIN = 9
    SKY = 10
    PERSON = 11
    RIDER = 12
    CAR = 13
    TRUCK = 14
    BUS = 15
    TRAIN = 16
    MOTORCYCLE = 17
    BICYCLE = 18
    VOID = IGNORE
