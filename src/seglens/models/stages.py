"""Six learned stages of an encoder, pooled over the image: what a rating of the whole image reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from seglens.types import SeglensError

STAGES: dict[str, dict[str, int]] = {
    "tu-tf_efficientnet_lite0": {
        "model.blocks.0": 16,
        "model.blocks.1": 24,
        "model.blocks.2": 40,
        "model.blocks.3": 80,
        "model.blocks.4": 112,
        "model.blocks.6": 320,
    },
    "mobilenet_v2": {
        "features.1": 16,
        "features.3": 24,
        "features.6": 32,
        "features.10": 64,
        "features.13": 96,
        "features.17": 320,
    },
    "drn_d_22": {
        "levels.2": 32,
        "levels.3": 64,
        "levels.4": 128,
        "levels.5": 256,
        "levels.6": 512,
        "levels.8": 512,
    },
}
"""Of each encoder, the modules that end its six stages, shallow to deep, and their channels. Strides 2, 4, 8, 16, 16,
32 (the last 16 under DeepLabV3+): the image itself is no stage, and stride 16 has two, which differ in width. DRN-D-22,
which stays at stride 8: its levels from stride 2 on, the first degridding one left out."""

STAGES_TAP = "stages"
"""The key under which ``SegNet.encode`` gives the pooled stages."""


def stage_modules(name: str) -> dict[str, int]:
    """Modules of an encoder that end its six stages, with their channels.

    Args:
        name: of the encoder, as in ``model.encoder``.

    Raises:
        SeglensError: no stages are named for it.

    Reference: CPRAL (arXiv 2112.05975), "features from 6 different encoder stages ... averagely pooled to C x 1 x 1".
    """
    if name not in STAGES:
        raise SeglensError(
            f"model.encoder: '{name}' has no named stages, which a companion of this run reads. "
            f"Allowed: {', '.join(sorted(STAGES))}"
        )
    return STAGES[name]


@contextmanager
def pooled_stages(encoder: nn.Module, name: str) -> Iterator[list[Tensor]]:
    """While open, a pass of the encoder leaves its pooled stages in the list: six of (N, D), float32.

    Args:
        encoder: the module.
        name: of the encoder, as in ``model.encoder``.
    """
    found: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        found.append(output.float().mean((-2, -1)))

    hooks: list[RemovableHandle] = [
        encoder.get_submodule(path).register_forward_hook(keep) for path in stage_modules(name)
    ]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
