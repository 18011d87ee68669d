"""Fixed views of an image that its label can follow: what the interactive rhythm caches features of.

torchvision takes a second to import: only what makes a view waits for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from seglens.types import SeglensError, Size


@dataclass(frozen=True)
class View:
    """The whole image, brought to a size, mirrored or not.

    Args:
        mirror: whether left and right are exchanged.

    Example:
        >>> VIEWS["flip"].label(torch.tensor([[1, 2], [3, 4]]), (2, 2)).tolist()
        [[2, 1], [4, 3]]
    """

    mirror: bool = False

    def image(self, image: Tensor, size: Size) -> Tensor:
        """The view of an image: antialiased bilinear.

        Args:
            image: (..., 3, H, W) uint8 or float, in its own pixels where there are more than at ``size``.
            size: (h, w).

        Returns:
            (..., 3, h, w), same dtype.
        """
        if image.shape[-2:] != size:
            from torchvision.transforms import InterpolationMode
            from torchvision.transforms.v2 import functional as transforms

            image = transforms.resize(image, list(size), InterpolationMode.BILINEAR, antialias=True)
        return image.flip(-1) if self.mirror else image

    def label(self, label: Tensor, size: Size) -> Tensor:
        """The same view of a map of labels, weights or numbers: nearest, so that no value is invented.

        Args:
            label: (..., H, W) of any dtype.
            size: (h, w).

        Returns:
            (..., h, w), same dtype.
        """
        if label.shape[-2:] != size:
            rows, columns = _nearest(label.shape[-2], size[0]), _nearest(label.shape[-1], size[1])
            label = label[..., rows[:, None], columns[None, :]]
        return label.flip(-1) if self.mirror else label

    def back(self, seen: Tensor) -> Tensor:
        """What was said of the view, (..., h, w), where it belongs in the image."""
        return seen.flip(-1) if self.mirror else seen


def _nearest(source: int, target: int) -> Tensor:
    """The source position whose centre is nearest to each target position's centre."""
    return ((torch.arange(target) * 2 + 1) * source // (2 * target)).clamp_(max=source - 1)


@dataclass(frozen=True)
class Blurred(View):
    """The whole image through a Gaussian; its labels stay sharp.

    Args:
        sigma: of the Gaussian, pixels at the view's size.
    """

    sigma: float = 1.0

    def image(self, image: Tensor, size: Size) -> Tensor:
        """The view of an image, as ``View.image``, blurred at its size."""
        return blur(super().image(image, size), self.sigma)


def blur(image: Tensor, sigma: float) -> Tensor:
    """An image through a Gaussian cut off at three deviations, mirrored at its edges.

    Args:
        image: (..., 3, H, W) uint8 or float.
        sigma: of the Gaussian, pixels, above 0.

    Returns:
        The same shape and dtype.
    """
    from torchvision.transforms.v2 import functional as transforms

    reach = min(math.ceil(3 * sigma), *(side - 1 for side in image.shape[-2:]))
    seen: Tensor = transforms.gaussian_blur(image, [2 * reach + 1] * 2, [sigma] * 2)
    return seen


# Corner zooms (three quarters of height and width) were tried on CamVid at 180x240 and left out: at the same number of
# steps they changed full supervision by -0.3 points of mIoU and two small squares an image by -1.2 (one seed each), at
# three times the cache.
VIEWS: dict[str, View] = {"plain": View(), "flip": View(mirror=True), "blur": Blurred()}


def view_of(name: str) -> View:
    """The view known as ``name``.

    Raises:
        SeglensError: no such view; the message lists what is allowed.
    """
    if name not in VIEWS:
        raise SeglensError(f"train.views: unknown view '{name}'. Allowed: {', '.join(sorted(VIEWS))}")
    return VIEWS[name]
