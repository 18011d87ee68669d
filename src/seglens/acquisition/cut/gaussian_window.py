"""Cut: square windows, placed where the score around their middle is highest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from seglens.config import Params
from seglens.functional.native import to_native
from seglens.functional.windows import KernelKind, filter_windows, kernel_vector, pick_windows
from seglens.protocols import Evidence, PartContext, Progress
from seglens.registry import cuts
from seglens.types import Chance, ImageId, PixelScore, RegionSet, SeglensError, Size


class GaussianWindowParams(Params):
    """How large a window is, how its pixels weigh, how many an image may offer."""

    height_fraction: float = Field(0.125, gt=0, le=1, description="side of a window, as a fraction of the image height")
    size: int | None = Field(
        None, gt=0, description="side of a window in native pixels, instead of height_fraction; null = by fraction"
    )
    kernel: KernelKind = Field(
        "cumulative", description="weight of a window's pixels: cumulative (eq. 5), literal (narrower) or box (equal)"
    )
    sigmas: float = Field(2.0, gt=0, description="half the window's width, standard deviations of the kernel")
    normalise: bool = Field(
        False, description="score a partly asked window by what is left of it alone, instead of counting the rest as 0"
    )
    candidates: int | None = Field(
        None, gt=0, description="most windows an image and round; null = as many as its area holds"
    )


@cuts.register("gaussian-window")
class GaussianWindow:
    """Square windows at the peaks of the score, filtered by a Gaussian kernel (regional Gaussian attention).

    The score map, 0 where was asked already, is filtered by the window's kernel; the highest response places the first
    window around it, every window that would overlap is ruled out, the next highest places the second, and so on. A
    window is worth its response over the kernel's sum: the weighted mean score of its pixels, with what was asked
    counted as 0 (``normalise``: of its fresh pixels alone); rows take that as their value, so that windows of all
    images are ranked together. The question is a window's fresh pixels. Windows are squares at the model's size; where
    the model changes an image's shape, they are rectangles in its own pixels.

    A map without differences (the score ``random``) says nothing of where: windows are then placed by chance. Without a
    map the question is the whole image.

    Reference: CPRAL (arXiv 2112.05975), eq. 5 and 6. Deviation: the paper says nothing of borders, of labelled pixels
    and of the number of windows; windows lie inside the image, labelled pixels add no score, are not asked again and
    not charged, and an image offers floor(HW / w^2) windows, of which the pick takes the best of all images. Deviation:
    w is not stated; the default is an eighth of the height.
    """

    Params = GaussianWindowParams
    partition: ClassVar[bool] = False

    def __init__(self, params: GaussianWindowParams, context: PartContext) -> None:
        self.params = params
        self.size = context.size
        side = params.size if params.size is not None else f"{params.height_fraction:g}"
        self.key = f"gaussian-window-{params.kernel}-{side}"

    def prepare(self, ids: Sequence[ImageId], progress: Progress | None = None) -> None:
        """Nothing to compute ahead."""

    def question_pixels(self, size: Size) -> int:
        """Native pixels of one window of an image of ``size`` (H, W), of the largest where they differ by rounding.

        Raises:
            SeglensError: a window larger than the image.
        """
        side = self._side(size)
        rows, columns = (-(-side * native // cells) for native, cells in zip(size, self.size, strict=True))
        return rows * columns

    def regions(self, px: PixelScore | None, ev: Evidence, chance: Chance) -> list[RegionSet]:
        """The windows of each image, best first; none where all was asked about.

        Raises:
            SeglensError: a window larger than the image.
        """
        found = []
        for index, (id, size) in enumerate(zip(ev.ids, ev.sizes, strict=True)):
            if px is None:
                found.append(RegionSet(id, "image", np.zeros(size, np.int32), 1))
            else:
                fresh = ~ev.answered[index].to(px.value.device)
                found.append(self._windows(id, size, px.value[index], fresh, chance.child(id)))
        return found

    def _windows(self, id: ImageId, size: Size, value: Tensor, fresh: Tensor, chance: Chance) -> RegionSet:
        side = self._side(size)
        response = self._response(value, fresh, side).cpu().numpy()
        flat = bool(value.amin() == value.amax())
        if flat:
            response = np.where(np.isfinite(response), chance.numpy().random(response.shape), -np.inf)
        most = self.params.candidates or value.numel() // side**2
        places = pick_windows(response, side, most)
        numbers = np.full(value.shape, -1, np.int32)
        for number, (y, x) in enumerate(places):
            numbers[y : y + side, x : x + side] = number
        numbers[~fresh.cpu().numpy()] = -1
        labels = to_native(numbers, size)
        # An image smaller than the model's size may have no pixel for a window's cells.
        kept = np.flatnonzero(np.bincount(labels.ravel() + 1, minlength=len(places) + 1)[1:])
        order = np.full(len(places) + 1, -1, np.int32)  # its last entry is what -1, no window, becomes
        order[kept] = np.arange(len(kept), dtype=np.int32)
        values = None if flat else response[tuple(places[kept].T)].astype(np.float32)
        return RegionSet(id, self.key, order[labels], len(kept), values)

    def _response(self, value: Tensor, fresh: Tensor, side: int) -> Tensor:
        """(h - s + 1, w - s + 1) weighted mean score of the window at each place, -inf where nothing fresh is left."""
        vector = kernel_vector(self.params.kernel, side, self.params.sigmas)
        free = fresh.to(value.dtype)[None]
        response = filter_windows(value[None] * free, vector)
        if self.params.normalise:
            response = response / filter_windows(free, vector)
        else:
            response = response / float(vector.sum()) ** 2
        left = filter_windows(free, torch.ones_like(vector)) > 0.5
        return response.masked_fill(~left, -torch.inf)[0]

    def _side(self, size: Size) -> int:
        """The side of a window at the model's size."""
        height, width = self.size
        given = self.params.size
        fraction = self.params.height_fraction if given is None else given / size[0]
        most = min(1.0, width / height)
        if fraction > most:
            key, found, allowed = "height_fraction", f"{fraction:g}", f"up to {most:.3g}"
            if given is not None:
                key, found, allowed = "size", f"{given} pixels", f"1 to {int(most * size[0])} pixels"
            raise SeglensError(
                f"cut 'gaussian-window': key '{key}', found {found}: a window larger than the image of {size[0]} x "
                f"{size[1]}; allowed: {allowed}"
            )
        return max(1, int(height * fraction + 0.5))
