"""Tiny depth networks with random weights, saved as real ones are, and a pool with depth files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from arrays import CLASSES, ArrayData

from seglens.protocols import PartContext
from seglens.types import ImageId, Item

DINO: dict[str, Any] = {
    "image_size": 28,
    "patch_size": 14,
    "hidden_size": 16,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "mlp_ratio": 2,
    "out_features": ["stage1", "stage2", "stage3", "stage4"],
    "apply_layernorm": True,
    "reshape_hidden_states": False,
}
NECK: dict[str, Any] = {"neck_hidden_sizes": [8, 8, 16, 16], "fusion_hidden_size": 8}
"""Of the head; its projection, where there is one, is 256 wide whatever the configuration says."""


def midas() -> Any:
    """DPT on a plain vision transformer, as Intel/dpt-large."""
    from transformers import DPTConfig, DPTForDepthEstimation, DPTImageProcessor

    config = DPTConfig(
        hidden_size=16, num_hidden_layers=4, num_attention_heads=2, intermediate_size=32, image_size=32, patch_size=16,
        backbone_out_indices=[0, 1, 2, 3], **NECK,
    )  # fmt: skip
    return DPTForDepthEstimation(config), DPTImageProcessor(size={"height": 32, "width": 32})


def hybrid() -> Any:
    """DPT on a convolutional stem, as Intel/dpt-hybrid-midas."""
    from transformers import BitConfig, DPTConfig, DPTForDepthEstimation, DPTImageProcessor

    backbone = BitConfig(
        global_padding="same", layer_type="bottleneck", depths=[1, 1, 1], hidden_sizes=[32, 32, 32, 32],
        embedding_size=32, out_features=["stage1", "stage2", "stage3"], embedding_dynamic_padding=True, num_groups=2,
    )  # fmt: skip
    config = DPTConfig(
        is_hybrid=True, backbone_config=backbone, backbone_featmap_shape=[1, 32, 2, 2], hidden_size=16,
        num_hidden_layers=4, num_attention_heads=2, intermediate_size=32, image_size=32, patch_size=16,
        backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[32, 32, 16, 16], fusion_hidden_size=8,
    )  # fmt: skip
    processor = DPTImageProcessor(size={"height": 64, "width": 64}, keep_aspect_ratio=True, ensure_multiple_of=32)
    return DPTForDepthEstimation(config), processor


def swin() -> Any:
    """DPT on Swin v2, as Intel/dpt-swinv2-tiny-256."""
    from transformers import DPTConfig, DPTForDepthEstimation, DPTImageProcessor, Swinv2Config

    backbone = Swinv2Config(
        image_size=32, patch_size=4, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=4,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )  # fmt: skip
    config = DPTConfig(
        backbone_config=backbone, reassemble_factors=[1, 1, 1, 1], neck_hidden_sizes=[8, 16, 32, 64],
        fusion_hidden_size=8, readout_type="ignore",
    )  # fmt: skip
    return DPTForDepthEstimation(config), DPTImageProcessor(size={"height": 32, "width": 32})


def dinov2() -> Any:
    """DPT on DINOv2, as facebook/dpt-dinov2-small-kitti; its processor pads and does not resize."""
    from transformers import Dinov2Config, DPTConfig, DPTForDepthEstimation, DPTImageProcessor

    config = DPTConfig(
        backbone_config=Dinov2Config(**DINO), hidden_size=16, readout_type="project", reassemble_factors=[4, 2, 1, 0.5],
        add_projection=True, **{**NECK, "fusion_hidden_size": 256},
    )  # fmt: skip
    return DPTForDepthEstimation(config), DPTImageProcessor(do_resize=False, do_pad=True, size_divisor=14)


def anything() -> Any:
    """Depth Anything V2, relative."""
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config, DPTImageProcessor

    config = DepthAnythingConfig(
        backbone_config=Dinov2Config(**DINO), reassemble_hidden_size=16, patch_size=14, head_hidden_size=4, **NECK
    )
    processor = DPTImageProcessor(size={"height": 42, "width": 42}, keep_aspect_ratio=True, ensure_multiple_of=14)
    return DepthAnythingForDepthEstimation(config), processor


MAKERS = {maker.__name__: maker for maker in (midas, hybrid, swin, dinov2, anything)}


def save_net(name: str, folder: Path, seed: int = 0) -> Path:
    """The network ``name`` and its processor in ``folder``; its depth differs from pixel to pixel and is above 0."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model, processor = MAKERS[name]()
        last = model.head.conv3 if hasattr(model.head, "conv3") else model.head.head[-2]
        for weight in (*model.neck.parameters(), *model.head.parameters()):
            if weight.ndim > 1:
                torch.nn.init.kaiming_normal_(weight)
        torch.nn.init.constant_(last.bias, 100.0)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def net(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny network by name, made once."""
    made: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in made:
            made[name] = save_net(name, tmp_path_factory.mktemp(name))
        return made[name]

    return folder


@dataclass
class DepthData(ArrayData):
    """A pool whose images may have a depth file, and which counts what is decoded."""

    files: dict[ImageId, Path] = field(default_factory=dict)
    decoded: list[ImageId] = field(default_factory=list)

    def item(self, id: ImageId) -> Item:
        return replace(super().item(id), depth=self.files.get(id))

    def image(self, id: ImageId) -> np.ndarray:
        self.decoded.append(id)
        return super().image(id)


@pytest.fixture
def pool() -> DepthData:
    """Three images of odd sizes."""
    rng = np.random.default_rng(0)
    sizes = {"a/one.x": (45, 77), "a/two": (45, 77), "b/three": (61, 50)}
    return DepthData({id: rng.integers(0, 256, (*size, 3)).astype(np.uint8) for id, size in sizes.items()})


@pytest.fixture
def context(pool: DepthData, tmp_path: Path) -> PartContext:
    return PartContext(CLASSES, pool, tmp_path / "cache", (20, 28))


def nothing_predicted() -> torch.Tensor:
    raise AssertionError("this source needs no prediction")


@pytest.fixture
def unpredicted() -> Callable[[], torch.Tensor]:
    """For sources that must not ask for the prediction."""
    return nothing_predicted
