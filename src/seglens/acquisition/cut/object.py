"""Cut: objects, made of superpixels that the score points at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field
from skimage.measure import label as components

from seglens.acquisition.cut.superpixel import SuperpixelParams, asked_superpixels
from seglens.acquisition.rows import reduce_rows
from seglens.functional.native import to_native
from seglens.protocols import Evidence, PartContext, Progress
from seglens.registry import cuts
from seglens.superpixels import Superpixels
from seglens.types import BoolArray, Chance, ImageId, IntArray, PixelScore, RegionSet, Rows, Size


class ObjectParams(SuperpixelParams):
    """What counts as high, and how many objects of it become candidates."""

    share: float = Field(
        0.2,
        gt=0,
        le=1,
        description="of an image's superpixels (pixels) not asked about: those with most score are high",
    )
    candidates: int = Field(5, gt=0, description="most objects an image and round (K), highest summed score first")
    level: Literal["object", "pixel"] = Field(
        "object", description="object: high superpixels, merged; pixel: all high pixels of an image, as one region"
    )


@cuts.register("object")
class Object:
    """Superpixels of high score, merged where they touch and share the predicted class; the best few an image.

    Superpixels are ranked by mean score; the first ``share`` of the image's are high. Those that touch (side by side,
    not by corners) and have the same predicted class (of most of their pixels) become one object. Objects are ranked
    by their summed score, mean times pixels, and numbered in that order; the first ``candidates`` stay. At level
    ``pixel`` the question is the high pixels themselves, an image's in one region.

    What was asked about is left out: of the pixels, and every superpixel of which more than half was asked. While
    there is no predicted class (round 0, no model) the question is the whole image: the papers' initial images.

    Deviation: the paper does not say when a superpixel counts as high, nor how many there are; both are values.

    Reference: SegXAL (arXiv 2408.04482), section 3.3 and Fig. 3.
    """

    Params = ObjectParams
    partition: ClassVar[bool] = False

    def __init__(self, params: ObjectParams, context: PartContext) -> None:
        self.params = params
        folder = context.cache / "superpixels"
        self.superpixels = Superpixels(context.data, folder, params.segments, params.compactness)

    def prepare(self, ids: Sequence[ImageId], progress: Progress | None = None) -> None:
        """Compute and store the superpixels that are missing; none are needed at level ``pixel``."""
        if self.params.level == "object":
            self.superpixels.prepare(ids, progress)

    def regions(self, px: PixelScore | None, ev: Evidence, chance: Chance) -> list[RegionSet]:
        """The candidates of each image, best first; none where all was asked about."""
        found = []
        for index, (id, size) in enumerate(zip(ev.ids, ev.sizes, strict=True)):
            if px is None or px.group is None:
                found.append(RegionSet(id, "image", np.zeros(size, np.int32), 1))
                continue
            one = PixelScore(px.value[index : index + 1], px.group[index : index + 1], classes=px.classes)
            asked = ev.answered[index].cpu().numpy()
            found.append(
                self._pixels(id, size, one, asked) if self.params.level == "pixel" else self._objects(id, one, asked)
            )
        return found

    def _objects(self, id: ImageId, px: PixelScore, asked: BoolArray) -> RegionSet:
        labels = self.superpixels.labels(id)
        done = to_native(asked, labels.shape)
        count = int(labels.max()) + 1
        rows = _means(px, RegionSet(id, "", np.where(done, -1, labels), count), asked.shape)
        free = np.flatnonzero(~asked_superpixels(labels, asked))
        best = free[np.argsort(-rows.arrays["value"][free], kind="stable")]
        high = best[: int(np.ceil(self.params.share * len(free)))]
        classes = np.full(count, -1)
        classes[high] = rows.arrays["share"][high].argmax(1)
        merged = components(np.where(done, -1, classes[labels]), background=-1, connectivity=1) - 1
        return self._best(
            RegionSet(id, f"object-{self.superpixels.key}", merged.astype(np.int32), int(merged.max()) + 1),
            px,
            asked.shape,
        )

    def _best(self, objects: RegionSet, px: PixelScore, size: Size) -> RegionSet:
        """The objects with the highest summed score, numbered in that order."""
        rows = _means(px, objects, size)
        order = np.argsort(-rows.arrays["value"] * rows.sizes, kind="stable")[: self.params.candidates]
        numbers = np.full(objects.count + 1, -1, np.int32)  # its last entry is what -1, no object, becomes
        numbers[order] = np.arange(len(order), dtype=np.int32)
        return RegionSet(objects.image, objects.key, numbers[objects.labels], len(order))

    def _pixels(self, id: ImageId, size: Size, px: PixelScore, asked: BoolArray) -> RegionSet:
        value = px.value[0].cpu().numpy().ravel()
        free = np.flatnonzero(~asked.ravel())
        best = free[np.argsort(-value[free], kind="stable")]
        high = np.zeros(asked.shape, bool)
        high.ravel()[best[: int(np.ceil(self.params.share * len(free)))]] = True
        labels: IntArray = np.where(to_native(high, size), 0, -1).astype(np.int32)
        return RegionSet(id, "object-pixels", labels, int(labels.max()) + 1)


def _means(px: PixelScore, regions: RegionSet, size: Size) -> Rows:
    """Mean score and predicted classes of an image's regions."""
    return reduce_rows(px, [regions], [None], size)
