"""Depth from a pretrained network, kept on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from seglens.config import Params
from seglens.depth.loading import WEIGHTS, load_depth_net
from seglens.depth.networks import DepthNet
from seglens.files import encode_id, locked, read_arrays, write_arrays
from seglens.functional.proximity import from_inverse, from_metres, resized
from seglens.protocols import PartContext, Progress
from seglens.registry import depths
from seglens.types import ImageId, SeglensError, Size


class PretrainedParams(Params):
    """Which network."""

    model: str = Field(
        "Intel/dpt-hybrid-midas", min_length=1, description="model id on the hub, or a local folder that holds it"
    )
    kind: Literal["auto", "inverse", "metres"] = Field(
        "auto", description="what it gives: inverse (relative, large = near), metres, or told from its architecture"
    )
    height: int | None = Field(
        None,
        ge=14,
        le=2048,
        description="rows of its input, pixels; null = as its processor says (at most 392 unasked)",
    )
    near: float = Field(5.0, gt=0, description="distance at which proximity is 1, metres (networks that give metres)")


@depths.register("pretrained")
class Pretrained:
    """A depth network through transformers (MiDaS, DINOv2, Depth Anything), computed once an image and kept.

    Reference: SegXAL (arXiv 2408.04482), section 3.2.2: depth from MiDaS (Manual-M) or DINOv2 (Manual-D). Relative
    inverse depth is scaled within each image, so that it says nothing between images; metres do.
    """

    Params = PretrainedParams

    def __init__(self, params: PretrainedParams, context: PartContext) -> None:
        self.params, self.context = params, context
        self._net: DepthNet | None = None

    def prepare(self, ids: Sequence[ImageId], progress: Progress | None = None) -> None:
        """Compute and keep the maps that are not there yet.

        Raises:
            SeglensError: the network cannot be loaded, or gives no numbers for an image.
        """
        missing = self._missing(ids)
        for done, id in enumerate(missing, start=len(ids) - len(missing) + 1):
            with locked(self.folder, id):  # another process may be at it: wait, then find it done
                if not self._path(id).exists():
                    self._compute(id)
            if progress is not None:
                progress(done, len(ids))

    def proximity(self, ids: Sequence[ImageId], size: Size, predicted: Callable[[], Tensor]) -> Tensor:
        """(N, h, w) float32 in [0, 1], from what is kept; computed where nothing is.

        Raises:
            SeglensError: as ``prepare``, or a kept map that cannot be read.
        """
        self.prepare(ids)
        return torch.cat([resized(self._read(self._path(id)), size) for id in ids])

    def describe(self) -> str:
        """Where this proximity comes from."""
        return f"estimated by the network {Path(self.params.model).name}"

    @cached_property
    def folder(self) -> Path:
        """Where the maps of this network, these images and this input size are kept."""
        plain = json.dumps([1, _identity(self.params.model), self.context.data.fingerprint(), self._decides])
        return self.context.cache / "depth" / hashlib.sha256(plain.encode()).hexdigest()[:16]

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the network: a worker loads its own."""
        return {**self.__dict__, "_net": None}

    @property
    def _decides(self) -> dict[str, Any]:
        return self.params.model_dump(mode="json", exclude={"model"})

    def _path(self, id: ImageId) -> Path:
        return self.folder / f"{encode_id(id)}.npz"

    def _missing(self, ids: Sequence[ImageId]) -> list[ImageId]:
        return [id for id in ids if not self._path(id).exists()]

    def _compute(self, id: ImageId) -> None:
        self._net = self._net or load_depth_net(self.params.model, self.params.kind)
        depth = self._net.depth(self.context.data.image(id), self.params.height)
        if not depth.isfinite().all():
            raise SeglensError(f"depth 'pretrained': '{self.params.model}' gives no numbers for image '{id}'")
        near = from_inverse(depth) if self._net.kind == "inverse" else from_metres(depth, self.params.near)
        write_arrays(self._path(id), proximity=near[0].numpy().astype(np.float16))

    def _read(self, path: Path) -> Tensor:
        try:
            kept = read_arrays(path)["proximity"]
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise SeglensError(f"{path}: unreadable depth map ({error}); delete it to compute it anew") from None
        return torch.from_numpy(kept.astype(np.float32))[None]


def _identity(model: str) -> list[Any]:
    """What tells one network from another: its id, or the files in its folder wherever that lies."""
    folder = Path(model)
    if not folder.is_dir():
        return [model]
    files = sorted(path for pattern in ("*.json", *WEIGHTS) for path in folder.glob(pattern))
    return [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in files]
