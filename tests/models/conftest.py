"""A tiny encoder and a dataset in memory: real parts, in milliseconds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from seglens.config import ModelConfig
from seglens.models import SegNet, build_network
from seglens.types import ByteArray, Chance, ClassTable, ImageId, Item

TINY = "tu-test_efficientnet"


class Pictures:
    """Random pictures in memory, 45x70."""

    classes = ClassTable(("sky", "road", "car"), ((0, 0, 255), (90, 90, 90), (255, 0, 0)))

    def __init__(self, count: int) -> None:
        self.ids = [f"seq/{i:02d}" for i in range(count)]
        self.read: list[ImageId] = []

    def item(self, id: ImageId) -> Item:
        return Item((45, 70), "seq")

    def image(self, id: ImageId) -> ByteArray:
        self.read.append(id)
        return Chance((id,)).numpy().integers(0, 256, (45, 70, 3), dtype=np.uint8)

    def fingerprint(self) -> str:
        return f"pictures-{len(self.ids)}"


@pytest.fixture
def pictures() -> Pictures:
    return Pictures(11)


@pytest.fixture
def tiny() -> Callable[..., SegNet]:
    """Builds a tiny network; keywords go to the ModelConfig."""

    def build(classes: ClassTable = Pictures.classes, seed: int = 0, **model: object) -> SegNet:
        values = {"encoder": TINY, "weights": "random", "width": 32, "size": (40, 60), **model}
        return build_network(ModelConfig.model_validate(values), classes, Chance((seed,)))

    return build
