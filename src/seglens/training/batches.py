"""Batches of the two rhythms: cached features of fixed views, or augmented images from files."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import torch
from torch import Tensor

from seglens.config import TrainConfig
from seglens.models.features import FeatureCache
from seglens.models.views import view_of
from seglens.training.pixels import sample_anywhere, sample_pixels
from seglens.training.source import Draw, TrainSource, draw_batch
from seglens.training.targets import Label, LabelStore, collate, provenance_weights, unasked
from seglens.types import IGNORE, Chance, ImageId, SeglensError, Settled, Size, Targets


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
        mirrored: features of the entries' mirror images, for companions, where the cache has them.
        unlabelled: batches for companions, by the number of images that these asked for (``Batches.without_labels``).
    """

    ids: list[ImageId]
    targets: Targets
    places: Tensor
    chances: list[Chance]
    features: dict[str, Tensor] | None = None
    images: Tensor | None = None
    mirrored: dict[str, Tensor] | None = None
    unlabelled: dict[int, Batch] = field(default_factory=dict)


class Batches:
    """The batches of a training, each a pure function of its step.

    Args:
        source: what to learn from.
        config: the recipe.
        chance: of the training.
        size: (h, w) of the model.
        classes: number of classes.
        unlabelled: how many images of the pool companions ask for a step; 0 = the step's own.

    Raises:
        SeglensError: no labelled image, or the interactive rhythm without a cache.
    """

    def __init__(
        self,
        source: TrainSource,
        config: TrainConfig,
        chance: Chance,
        size: Size,
        classes: int,
        unlabelled: Collection[int] = (),
    ) -> None:
        if not source.ids:
            raise SeglensError("training: no image has a label; ask for some first")
        self.source, self.config, self.chance, self.size, self.classes = source, config, chance, size, classes
        self.weights = provenance_weights(config.weights_by_provenance)
        self.labels = LabelStore(source.settled, size)
        self.unlabelled = sorted(unlabelled)
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
            views = self._views(draws)
            labels = [self.labels.get(id, view) for id, view in zip(ids, views, strict=True)]
            batch = Batch(ids, *self._targets(labels, draws), chances, features=self.cache.get(ids, views))
        else:
            seen = [self._augmented(draw, self.source.settled(draw.id)) for draw in draws]
            images = torch.stack([image for image, _ in seen])
            batch = Batch(ids, *self._targets([label for _, label in seen], draws), chances, images=images)
        for count in self.unlabelled:
            others = draw_batch(self.source.pool, step, count, self.chance.child("unlabelled")) if count else draws
            batch.unlabelled[count] = self.without_labels(others)
        return batch

    def without_labels(self, draws: Sequence[Draw]) -> Batch:
        """Images as ``batch`` shows them, at places all over them; no label is read.

        Returns:
            Targets without any class; their weight is 1, and 0 for a place that stands for nothing.
        """
        ids, chances = [d.id for d in draws], [d.chance.child("dropout") for d in draws]
        spread = [d.chance.child("places") for d in draws]
        if self.cache is not None:
            views = self._views(draws)
            inside = torch.ones(len(ids), *self.size, dtype=torch.bool)
            places, targets = sample_anywhere(inside, self.config.loss_pixels, spread)
            return Batch(ids, targets, places, chances, self.cache.get(ids, views), mirrored=self._mirrored(ids, views))
        seen = [self._augmented(draw, unasked(self.source.data.item(draw.id).size)) for draw in draws]
        inside = torch.stack([label.index != IGNORE for _, label in seen])
        places, targets = sample_anywhere(inside, self.config.loss_pixels, spread)
        return Batch(ids, targets, places, chances, images=torch.stack([image for image, _ in seen]))

    def _views(self, draws: Sequence[Draw]) -> list[str]:
        names = self.config.views
        return [names[int(d.chance.child("view").numpy().integers(len(names)))] for d in draws]

    def _mirrored(self, ids: Sequence[ImageId], views: Sequence[str]) -> dict[str, Tensor] | None:
        assert self.cache is not None
        if "flip" not in self.cache.views:
            return None
        return self.cache.get(ids, ["plain" if view_of(view).mirror else "flip" for view in views])

    def _targets(self, labels: Sequence[Label], draws: Sequence[Draw]) -> tuple[Targets, Tensor]:
        whole = collate(labels, self.weights, self.classes)
        places, targets = sample_pixels(whole, self.config.loss_pixels, [d.chance.child("pixels") for d in draws])
        return targets, places

    def _augmented(self, draw: Draw, settled: Settled) -> tuple[Tensor, Label]:
        from seglens.training.augment import AUGMENTATIONS  # torchvision takes a second: only a finetuning waits for it

        look = AUGMENTATIONS[self.config.augmentation]
        size = self.config.crop or self.size
        return look(self.source.data.image(draw.id), settled, size, draw.chance, self.size)

    def _filled_cache(self) -> FeatureCache:
        if self.source.cache is None:
            raise SeglensError("train.rhythm: 'interactive' needs a feature cache; give one, or use 'finetune'")
        self.source.cache.fill([*self.source.ids, *(self.source.pool if any(self.unlabelled) else ())])
        return self.source.cache
