"""SAM 2 from a folder on disk, through transformers, where that is installed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from seglens.types import BoolArray, ByteArray, ImageId, SeglensError

KEPT = 8
"""Images whose embeddings are kept: a further click on one of them costs the mask decoder alone."""


class Sam:
    """A SAM 2 model.

    Args:
        folder: as transformers saves one (``Sam2Model`` and its processor); nothing is fetched.

    Raises:
        SeglensError: transformers is not installed, or there is no such model.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from transformers import Sam2Model, Sam2Processor
        except ImportError:
            raise SeglensError("--sam: needs transformers: pip install 'seglens[depth]'") from None
        if not (folder / "config.json").is_file():
            raise SeglensError(
                f"--sam: found {folder}; allowed: a folder with a saved Sam2Model (config.json, weights)"
            )
        try:
            self.model: Any = Sam2Model.from_pretrained(folder, local_files_only=True).eval()
            self.processor: Any = Sam2Processor.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise SeglensError(f"--sam: {folder}: {' '.join(str(error).split())[:300]}") from None
        self._embedded: OrderedDict[ImageId, Any] = OrderedDict()
        self._lock = threading.Lock()

    @torch.inference_mode()
    def mask(
        self,
        id: ImageId,
        image: ByteArray,
        inside: Sequence[tuple[int, int]],
        outside: Sequence[tuple[int, int]],
        box: tuple[int, int, int, int] | None,
    ) -> BoolArray:
        """(H, W) bool: the object that points and box mean; of several the one that the model thinks best."""
        given: dict[str, Any] = {"images": image}
        if inside or outside:
            given["input_points"] = [[[[x, y] for y, x in (*inside, *outside)]]]
            given["input_labels"] = [[[1] * len(inside) + [0] * len(outside)]]
        if box is not None:
            given["input_boxes"] = [[[box[1], box[0], box[3], box[2]]]]
        with self._lock:
            inputs = self.processor(**given, return_tensors="pt")
            pixels = inputs.pop("pixel_values")
            sizes = inputs.pop("original_sizes")
            if id not in self._embedded:
                self._embedded[id] = self.model.get_image_embeddings(pixels)
                while len(self._embedded) > KEPT:
                    self._embedded.popitem(last=False)
            said = self.model(**inputs, image_embeddings=self._embedded[id], multimask_output=True)
            best = int(said.iou_scores[0, 0].argmax())
            masks = self.processor.post_process_masks(said.pred_masks, sizes)[0]
        found: BoolArray = masks[0, best].bool().numpy()
        return found


_loaded: dict[Path, Sam] = {}


def load(folder: Path) -> Sam:
    """The model of a folder, read once."""
    if folder not in _loaded:
        _loaded[folder] = Sam(folder)
    return _loaded[folder]
