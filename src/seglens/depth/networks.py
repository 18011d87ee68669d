"""A depth network of the transformers library, asked at the size it takes, without what was padded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from seglens.types import ByteArray, SeglensError, Size

Kind: TypeAlias = Literal["inverse", "metres"]

BOUND = 392
"""Rows that a processor which does not resize may pass on (28 patches of 14); higher images are made smaller."""
MULTIPLE = 32
"""What sides are rounded to where the processor names nothing: fits every backbone of DPT."""


@dataclass(frozen=True)
class DepthNet:
    """A depth network with its processor.

    Args:
        model: a depth estimator of transformers, in eval mode.
        processor: its image processor.
        kind: what it gives: ``inverse`` (relative, large = near) or ``metres``.
    """

    model: Any
    processor: Any
    kind: Kind

    def depth(self, image: ByteArray, height: int | None = None) -> Tensor:
        """Depth of one image, as the network gives it.

        Args:
            image: (H, W, 3) uint8 RGB.
            height: rows of the network's input; None = as the processor says.

        Returns:
            (1, h, w) float32, at the size the processor resized to; what it padded is cut off.
        """
        pixels = self.processor(images=image, return_tensors="pt", **self._settings(image, height))["pixel_values"]
        size: Size = (pixels.shape[-2], pixels.shape[-1])
        padding = self._padding(size)
        device = next(self.model.parameters()).device
        with torch.inference_mode():
            found = self.model(pixel_values=F.pad(pixels, padding).to(device)).predicted_depth.float().cpu()
        left, _, top, _ = padding
        whole = size[0] + padding[2] + padding[3], size[1] + padding[0] + padding[1]
        full = F.interpolate(found[:, None], whole, mode="bilinear", align_corners=False)[:, 0]
        return full[:, top : top + size[0], left : left + size[1]].clone()

    def _settings(self, image: ByteArray, height: int | None) -> dict[str, Any]:
        """What is asked of the processor beyond its own settings."""
        settings: dict[str, Any] = {"do_pad": False} if self._pads else {}
        size = self._size((image.shape[0], image.shape[1]), height)
        if size is None:
            return settings
        own = {"keep_aspect_ratio": False, "ensure_multiple_of": 1}
        known = {key: value for key, value in own.items() if hasattr(self.processor, key)}
        return {**settings, **known, "do_resize": True, "size": {"height": size[0], "width": size[1]}}

    def _size(self, native: Size, height: int | None) -> Size | None:
        """The input size (h, w) for an image of ``native`` size; None = the processor's own.

        DPT on its own vision transformer takes square images only, the hybrid one of a single size.

        Raises:
            SeglensError: a height that the hybrid network does not take.
        """
        config = self.model.config
        if getattr(config, "is_hybrid", False):
            if height not in (None, config.image_size):
                raise SeglensError(
                    f"depth 'pretrained': height {height}, but this network takes {config.image_size} and nothing else"
                )
            return config.image_size, config.image_size
        if height is None and not self.processor.do_resize and native[0] > BOUND:
            height = BOUND
        square = config.model_type == "dpt" and config.backbone_config is None
        if height is None and not square:
            return None
        height = height or config.image_size
        sides = (height, height if square else native[1] * height / native[0])
        rows, columns = (max(round(side / self._step), 1) * self._step for side in sides)
        return rows, columns

    def _padding(self, size: Size) -> tuple[int, int, int, int]:
        """Left, right, top, bottom: to the processor's multiple, centred as its own padding is."""
        if not self._pads:
            return 0, 0, 0, 0
        rows, columns = (-side % self.processor.size_divisor for side in size)
        return columns // 2, columns - columns // 2, rows // 2, rows - rows // 2

    @property
    def _pads(self) -> bool:
        return bool(getattr(self.processor, "do_pad", False) and getattr(self.processor, "size_divisor", None))

    @property
    def _step(self) -> int:
        named = [getattr(self.processor, key, None) or 1 for key in ("size_divisor", "ensure_multiple_of")]
        return max(named) if max(named) > 1 else MULTIPLE
