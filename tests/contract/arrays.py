"""A small world made of arrays: a pool, its truth and what a model might say of it, by the real protocols."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seglens.acquisition.rows import reduce_rows
from seglens.acquisition.traits import Traits
from seglens.protocols import PartContext, Tallying
from seglens.types import (
    IGNORE,
    BoolArray,
    ByteArray,
    CamSpec,
    Chance,
    ClassTable,
    ImageId,
    Item,
    RegionSet,
    Rows,
    SeglensError,
    Size,
)

CLASSES = ClassTable(("road", "building", "tree", "car", "rider"), tuple((50 * c, 90, 250 - 50 * c) for c in range(5)))
NATIVE: Size = (40, 56)
MODEL: Size = (20, 28)
CHANCE = Chance((0, 1))
NEEDS = frozenset(
    {"logits", "probs", "features", "trunk", "proximity", "cam", "teacher", "votes", "sampled", "companion:loss-head"}
    | {"view:flip", "perturbed", "members:snapshots", "members:heads", "map:difficulty"}
)


@dataclass
class ArrayData:
    """A SegDataset of arrays; it holds no labels."""

    images: dict[ImageId, ByteArray]
    classes: ClassTable = CLASSES

    @property
    def ids(self) -> Sequence[ImageId]:
        return list(self.images)

    def item(self, id: ImageId) -> Item:
        return Item(self.images[id].shape[:2], "street")

    def image(self, id: ImageId) -> ByteArray:
        return self.images[id]

    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        for id, image in self.images.items():
            digest.update(id.encode() + image.tobytes())
        return digest.hexdigest()


@dataclass
class ArrayLabels:
    """A LabelSource of arrays."""

    truths: dict[ImageId, ByteArray]

    def has(self, id: ImageId) -> bool:
        return id in self.truths

    def label(self, id: ImageId) -> ByteArray:
        return self.truths[id]


@dataclass
class ArrayEvidence:
    """Evidence of arrays; reading what was not declared raises, as everywhere."""

    ids: Sequence[ImageId]
    sizes: Sequence[Size]
    answered: Tensor
    chance: Chance
    values: Tensor
    needs: frozenset[str] = NEEDS
    pixels: dict[ImageId, ByteArray] = field(default_factory=dict)

    def _declared(self, *names: str) -> None:
        if not self.needs & set(names):
            raise SeglensError(f"evidence '{names[0]}' was read but not declared")

    @property
    def logits(self) -> Tensor:
        self._declared("logits", "probs")
        return self.values

    @property
    def probs(self) -> Tensor:
        self._declared("probs")
        return self.values.softmax(1)

    def image(self, index: int) -> ByteArray:
        return self.pixels[self.ids[index]]

    def features(self, tap: str) -> Tensor:
        self._declared("trunk" if tap == "trunk" else "features")
        return torch.nn.functional.avg_pool2d(self.values, 4)

    @property
    def proximity(self) -> Tensor:
        """A ramp: 0 at the top, 1 at the bottom."""
        self._declared("proximity")
        n, _, height, width = self.values.shape
        return torch.linspace(0, 1, height)[None, :, None].expand(n, height, width).contiguous()

    def cam(self, spec: CamSpec) -> Tensor:
        """The highest logit, min-max over each image; of the gated image, times the ramp."""
        self._declared("cam")
        highest = self.values.amax(1)
        low, high = highest.amin((1, 2), keepdim=True), highest.amax((1, 2), keepdim=True)
        attention = (highest - low) / (high - low).clamp_min(1e-12)
        return attention if spec.gate is None else attention * self.proximity

    @property
    def teacher(self) -> Tensor:
        """The softmax of each pixel's mean logits over 3 x 3."""
        self._declared("teacher")
        return torch.nn.functional.avg_pool2d(self.values, 3, 1, 1, count_include_pad=False).softmax(1)

    def _passes(self, passes: int) -> list[Tensor]:
        """Logits with noise by image and pass."""
        draws = [[self.chance.child(id, t).torch() for id in self.ids] for t in range(passes)]
        shape = self.values.shape[1:]
        return [self.values + torch.stack([torch.randn(shape, generator=one) for one in each]) for each in draws]

    def votes(self, passes: int) -> Tensor:
        """The classes of noisy logits, counted."""
        self._declared("votes")
        classes = self.values.shape[1]
        votes = [torch.nn.functional.one_hot(z.argmax(1), classes).movedim(-1, 1) for z in self._passes(passes)]
        return torch.stack(votes).sum(0).float()

    def sampled(self, passes: int) -> Tensor:
        """The mean softmax of noisy logits."""
        self._declared("sampled")
        return torch.stack([z.softmax(1) for z in self._passes(passes)]).mean(0)

    def sampled_entropy(self, passes: int) -> tuple[Tensor, Tensor]:
        """The mean softmax of noisy logits, and their mean entropy over log C."""
        self._declared("sampled")
        probs = torch.stack([z.softmax(1) for z in self._passes(passes)])
        return probs.mean(0), torch.special.entr(probs).sum(2).mean(0) / math.log(probs.shape[2])

    def view(self, name: str) -> Tensor:
        """The softmax of logits that were smoothed to the right."""
        self._declared(f"view:{name}")
        return ((self.values + self.values.roll(1, -1)) / 2).softmax(1)

    def members(self, name: str) -> Iterator[Tensor]:
        """The softmax of noisy logits, three times."""
        self._declared(f"members:{name}")
        return (z.softmax(1) for z in self._passes(3))

    def perturbed(self, temperature: float, epsilon: float) -> Tensor:
        """Logits whose greatest grew."""
        self._declared("perturbed")
        return self.values + epsilon * (self.values == self.values.amax(1, keepdim=True))

    def companion(self, name: str) -> Tensor:
        """How flat the logits are: two numbers an image."""
        self._declared(f"companion:{name}")
        return torch.stack([-self.values.std((1, 2, 3)), self.values.mean((1, 2, 3))], dim=1)

    def companion_map(self, name: str) -> Tensor:
        """One minus the highest probability."""
        self._declared(f"map:{name}")
        return 1 - self.values.softmax(1).amax(1)


@dataclass
class World:
    """Pool, truth and logits of a few images."""

    data: ArrayData
    labels: ArrayLabels
    logits: dict[ImageId, Tensor]
    native: Size
    size: Size

    @property
    def ids(self) -> list[ImageId]:
        return list(self.data.ids)

    def context(self, cache: Path) -> PartContext:
        return PartContext(self.data.classes, self.data, cache, self.size)

    def evidence(self, ids: Sequence[ImageId], chance: Chance = CHANCE, **more: Any) -> ArrayEvidence:
        values = torch.stack([self.logits[id] for id in ids])
        answered = torch.zeros((len(ids), *self.size), dtype=torch.bool)
        return ArrayEvidence(ids, [self.native] * len(ids), answered, chance, values, pixels=self.data.images, **more)

    def rows(
        self, score: Any, cut: Any, ids: Sequence[ImageId] | None = None, batch: int = 4, pick: Any = None
    ) -> Rows:
        """Rows of the pool, as the worker makes them."""
        ids = self.ids if ids is None else ids
        traits = Traits(getattr(pick, "needs", frozenset()), "trunk", CHANCE)
        parts = []
        for start in range(0, len(ids), batch):
            ev = self.evidence(ids[start : start + batch], needs=score.needs | traits.needs)
            px = score.pixels(ev)
            regions: list[RegionSet] = cut.regions(None if cut.partition else px, ev, Chance((0, 1, "cut")))
            asked: list[BoolArray | None] = [None] * len(regions)
            parts.append(reduce_rows(px, regions, asked, self.size, traits.of(ev)))
            if isinstance(score, Tallying):
                parts[-1].sums |= score.tally(parts[-1])
        return Rows.concat(parts)


def smooth(rng: np.random.Generator, channels: int, size: Size) -> Tensor:
    """(channels, h, w) random fields that vary slowly."""
    coarse = torch.from_numpy(rng.normal(size=(1, channels, 5, 7)).astype(np.float32))
    return torch.nn.functional.interpolate(coarse, size, mode="bicubic", align_corners=False)[0]


def make_world(count: int = 6, native: Size = NATIVE, size: Size = MODEL, seed: int = 0) -> World:
    """A world of ``count`` images whose model is right more often than not; ids with a slash and a space."""
    images, truths, logits = {}, {}, {}
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        id = f"town/street {number:02d}"
        field = smooth(rng, len(CLASSES), native)
        truth = field.argmax(0).numpy().astype(np.uint8)
        colours = np.array(CLASSES.colors, np.float64)[truth] + rng.normal(0, 12, (*native, 3))
        truth[:2, :5] = IGNORE
        images[id] = colours.clip(0, 255).astype(np.uint8)
        truths[id] = truth
        seen = torch.nn.functional.interpolate(field[None], size, mode="bilinear", align_corners=False)[0]
        noise = torch.from_numpy(rng.normal(0, 1.0, (len(CLASSES), *size)).astype(np.float32))
        logits[id] = 4 * seen + noise
    return World(ArrayData(images), ArrayLabels(truths), logits, native, size)
