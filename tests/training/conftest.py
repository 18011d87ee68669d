"""A few pictures that can be learnt in seconds, with labels, and a tiny network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from seglens.config import ModelConfig, TrainConfig
from seglens.models import FeatureCache, SegNet, build_network
from seglens.training import TrainSource
from seglens.types import IGNORE, ByteArray, Chance, ClassTable, ImageId, Item, Provenance, Settled

SIZE = (32, 64)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Blocks:
    """Grey pictures, 48x80, with a red and a blue rectangle; labels at hand."""

    classes = ClassTable(("grey", "red", "blue"), ((128, 128, 128), (255, 0, 0), (0, 0, 255)))

    def __init__(self, count: int) -> None:
        self.ids = [f"b{i}" for i in range(count)]

    def item(self, id: ImageId) -> Item:
        return Item((48, 80), "blocks")

    def fingerprint(self) -> str:
        return f"blocks-{len(self.ids)}"

    def has(self, id: ImageId) -> bool:
        return True

    def label(self, id: ImageId) -> ByteArray:
        draw, label = Chance((id,)).numpy(), np.zeros((48, 80), np.uint8)
        for c in (1, 2):
            y, x = draw.integers(0, 24), draw.integers(0, 40)
            label[y : y + 20, x : x + 34] = c
        label[:2] = IGNORE
        return label

    def image(self, id: ImageId) -> ByteArray:
        colours = np.zeros((256, 3)) + 60
        colours[:3] = self.classes.colors
        noise = Chance((id, "noise")).numpy().normal(0, 20, (48, 80, 3))
        return np.clip(colours[self.label(id)] + noise, 0, 255).astype(np.uint8)

    def settled(self, id: ImageId) -> Settled:
        label = self.label(id)
        return Settled(label, np.where(label == IGNORE, Provenance.NONE, Provenance.SIMULATED).astype(np.uint8))


@pytest.fixture
def blocks() -> Blocks:
    return Blocks(10)


@pytest.fixture
def tiny() -> Callable[..., SegNet]:
    def build(seed: int = 0, **model: object) -> SegNet:
        values = {"encoder": "tu-test_efficientnet", "weights": "random", "width": 32, "size": SIZE, **model}
        return build_network(ModelConfig.model_validate(values), Blocks.classes, Chance((seed,)))

    return build


@pytest.fixture
def source(blocks: Blocks, tmp_path: Path) -> Callable[..., TrainSource]:
    """A TrainSource for a network; with a cache where the rhythm wants one."""

    def build(net: SegNet, config: TrainConfig, data: Blocks = blocks, **change: object) -> TrainSource:
        cache = None
        if config.rhythm == "interactive":
            cache = FeatureCache(tmp_path / "cache", data, net, SIZE, config.views, 1.0)
        return TrainSource(**{"data": data, "ids": data.ids, "settled": data.settled, "cache": cache, **change})

    return build
