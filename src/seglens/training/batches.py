"""Batches of the two rhythms: cached features of fixed views, or augmented images from files."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor

from seglens.config import TrainConfig
from seglens.models.features import FeatureCache
from seglens.training.augment import AUGMENTATIONS
from seglens.training.pixels import sample_pixels
from seglens.training.source import Draw, TrainSource, draw_batch
from seglens.training.targets import Label, LabelStore, collate, provenance_weights
from seglens.types import IGNORE, Chance, ImageId, SeglensError, Size, Targets


@dataclass
class Batch:
    """What one step sees.

    Args:
        ids: image of each entry; one may come twice.
        targets: what is to be learnt, at ``places``: maps of (N, P, 1).
        places: (N, P, 2) the pixels (y, x) of the model's input that the loss looks at.
        chances: of the dropout, one an entry.
        features: tap to (N, D, H', W') float16 (interactive), or None.
        images: (N, 3, h, w) float32 (finetune), or None.
    """

    ids: list[ImageId]
    targets: Targets
    places: Tensor
    chances: list[Chance]
    features: dict[str, Tensor] | None = None
    images: Tensor | None = None


class Batches:
    """The batches of a training, each a pure function of its step.

    Args:
        source: what to learn from.
        config: the recipe.
        chance: of the training.
        size: (h, w) of the model.
        classes: number of classes.

    Raises:
        SeglensError: no labelled image, or the interactive rhythm without a cache.
    """

    def __init__(self, source: TrainSource, config: TrainConfig, chance: Chance, size: Size, classes: int) -> None:
        if not source.ids:
            raise SeglensError("training: no image has a label; ask for some first")
        self.source, self.config, self.chance, self.size, self.classes = source, config, chance, size, classes
        self.weights = provenance_weights(config.weights_by_provenance)
        self.labels = LabelStore(source.settled, size)
        self.cache = self._filled_cache() if config.rhythm == "interactive" else None

    def class_counts(self) -> Tensor:
        """(C,) labelled pixels of each class at the model's size."""
        counts = torch.zeros(self.classes, dtype=torch.int64)
        for id in self.source.ids:
            index = self.labels.get(id, "plain").index
            counts += torch.bincount(index[index != IGNORE].long(), minlength=self.classes)
        return counts

    def stream(self, start: int, stop: int) -> Iterator[Batch]:
        """The batches of steps ``start`` to ``stop`` - 1, made a little ahead by threads."""
        with ThreadPoolExecutor(max_workers=2) as pool:
            coming: deque[Future[Batch]] = deque()
            for step in range(start, stop):
                coming.append(pool.submit(self.batch, step))
                if len(coming) > 2:
                    yield coming.popleft().result()
            while coming:
                yield coming.popleft().result()

    def batch(self, step: int) -> Batch:
        """The batch of one step."""
        draws = draw_batch(self.source.ids, step, self.config.batch, self.chance)
        ids, chances = [d.id for d in draws], [d.chance.child("dropout") for d in draws]
        if self.cache is not None:
            views = [
                self.config.views[int(d.chance.child("view").numpy().integers(len(self.config.views)))] for d in draws
            ]
            labels = [self.labels.get(id, view) for id, view in zip(ids, views, strict=True)]
            return Batch(ids, *self._targets(labels, draws), chances, features=self.cache.get(ids, views))
        seen = [self._augmented(draw) for draw in draws]
        return Batch(
            ids, *self._targets([label for _, label in seen], draws), chances, images=torch.stack([i for i, _ in seen])
        )

    def _targets(self, labels: Sequence[Label], draws: Sequence[Draw]) -> tuple[Targets, Tensor]:
        whole = collate(labels, self.weights, self.classes)
        places, targets = sample_pixels(whole, self.config.loss_pixels, [d.chance.child("pixels") for d in draws])
        return targets, places

    def _augmented(self, draw: Draw) -> tuple[Tensor, Label]:
        look = AUGMENTATIONS[self.config.augmentation]
        size = self.config.crop or self.size
        return look(self.source.data.image(draw.id), self.source.settled(draw.id), size, draw.chance, self.size)

    def _filled_cache(self) -> FeatureCache:
        if self.source.cache is None:
            raise SeglensError("train.rhythm: 'interactive' needs a feature cache; give one, or use 'finetune'")
        self.source.cache.fill(self.source.ids)
        return self.source.cache
