"""Fixed views of an image that its label can follow: what the interactive rhythm caches features of."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as transforms

from seglens.types import SeglensError, Size


@dataclass(frozen=True)
class View:
    """A window of the image, brought to a size, mirrored or not.

    Args:
        box: top, left, bottom, right of the window, half-open, as fractions of height and width.
        mirror: whether left and right are exchanged.

    Example:
        >>> import torch
        >>> VIEWS["flip"].label(torch.tensor([[1, 2], [3, 4]]), (2, 2)).tolist()
        [[2, 1], [4, 3]]
    """

    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    mirror: bool = False

    def image(self, image: Tensor, size: Size) -> Tensor:
        """The view of an image: antialiased bilinear.

        Args:
            image: (..., 3, H, W) uint8 or float, in its own pixels where there are more than at ``size``.
            size: (h, w).

        Returns:
            (..., 3, h, w), same dtype.
        """
        window = self._window(image)
        if window.shape[-2:] != size:
            window = transforms.resize(window, list(size), InterpolationMode.BILINEAR, antialias=True)
        return window.flip(-1) if self.mirror else window

    def label(self, label: Tensor, size: Size) -> Tensor:
        """The same view of a map of labels, weights or numbers: nearest, so that no value is invented.

        Args:
            label: (..., H, W) of any dtype.
            size: (h, w).

        Returns:
            (..., h, w), same dtype.
        """
        window = self._window(label)
        if window.shape[-2:] != size:
            rows = _nearest(window.shape[-2], size[0]).to(window.device)
            columns = _nearest(window.shape[-1], size[1]).to(window.device)
            window = window[..., rows[:, None], columns[None, :]]
        return window.flip(-1) if self.mirror else window

    def window_size(self, x: Tensor) -> Size:
        """(h, w) of the window of ``x`` (..., H, W): the size at which a view is not resized."""
        window = self._window(x)
        return (window.shape[-2], window.shape[-1])

    def _window(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        top, left, bottom, right = self.box
        rows = slice(round(top * height), max(round(bottom * height), round(top * height) + 1))
        columns = slice(round(left * width), max(round(right * width), round(left * width) + 1))
        return x[..., rows, columns]


def _nearest(source: int, target: int) -> Tensor:
    """The source position whose centre is nearest to each target position's centre."""
    return ((torch.arange(target) * 2 + 1) * source // (2 * target)).clamp_(max=source - 1)


ZOOM = 0.75
_CORNERS = {
    "top-left": (0.0, 0.0),
    "top-right": (0.0, 1 - ZOOM),
    "bottom-left": (1 - ZOOM, 0.0),
    "bottom-right": (1 - ZOOM, 1 - ZOOM),
}

VIEWS: dict[str, View] = {"plain": View(), "flip": View(mirror=True)}
for _name, (_top, _left) in _CORNERS.items():
    VIEWS[f"zoom-{_name}"] = View((_top, _left, _top + ZOOM, _left + ZOOM))
    VIEWS[f"zoom-{_name}-flip"] = View((_top, _left, _top + ZOOM, _left + ZOOM), mirror=True)


def view_of(name: str) -> View:
    """The view known as ``name``.

    Raises:
        SeglensError: no such view; the message lists what is allowed.
    """
    if name not in VIEWS:
        raise SeglensError(f"train.views: unknown view '{name}'. Allowed: {', '.join(sorted(VIEWS))}")
    return VIEWS[name]
