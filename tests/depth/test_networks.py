from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from seglens.depth.loading import load_depth_net
from seglens.depth.networks import BOUND
from seglens.types import SeglensError


def image(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize("name", ["midas", "swin", "anything"])
def test_the_depth_is_what_transformers_gives(net, name):
    from transformers import AutoImageProcessor, AutoModelForDepthEstimation

    depth = load_depth_net(str(net(name))).depth(image(45, 77))
    pixels = AutoImageProcessor.from_pretrained(net(name))(images=image(45, 77), return_tensors="pt")
    with torch.inference_mode():
        raw = AutoModelForDepthEstimation.from_pretrained(net(name)).eval()(**pixels).predicted_depth
    assert depth.shape == pixels["pixel_values"][:, 0].shape
    full = F.interpolate(raw[None], depth.shape[1:], mode="bilinear")[0]
    assert full.std() > 0.1
    assert torch.allclose(depth, full, atol=1e-4)


def test_padding_is_cut_off(net):
    from transformers import AutoImageProcessor, AutoModelForDepthEstimation

    depth = load_depth_net(str(net("dinov2"))).depth(image(45, 77))
    assert depth.shape == (1, 45, 77)
    pixels = AutoImageProcessor.from_pretrained(net("dinov2"))(images=image(45, 77), return_tensors="pt")
    assert pixels["pixel_values"].shape[-2:] == (56, 84)  # to multiples of 14
    with torch.inference_mode():
        raw = AutoModelForDepthEstimation.from_pretrained(net("dinov2")).eval()(**pixels).predicted_depth
    assert raw.shape[-2:] != (56, 84)  # this head gives 16 pixels a patch of 14
    full = F.interpolate(raw[None], (56, 84), mode="bilinear")[0]
    assert full.std() > 0.1
    assert torch.allclose(depth, full[:, 5 : 5 + 45, 3 : 3 + 77], atol=1e-4)


@pytest.mark.parametrize(
    ("name", "height", "size"),
    [
        ("midas", None, (32, 32)),
        ("midas", 70, (64, 64)),  # its own vision transformer takes squares only
        ("hybrid", None, (32, 32)),  # whatever its processor says, it takes one size only
        ("hybrid", 32, (32, 32)),
        ("swin", 64, (64, 96)),
        ("dinov2", 28, (28, 42)),
        ("anything", None, (42, 70)),
        ("anything", 70, (70, 126)),
    ],
)
def test_the_input_size_is_chosen(net, name, height, size):
    assert load_depth_net(str(net(name))).depth(image(45, 77), height).shape == (1, *size)


def test_tokens_stay_bounded_where_the_processor_does_not_resize(net):
    loaded = load_depth_net(str(net("dinov2")))
    assert loaded.depth(image(2 * BOUND + 3, 99)).shape == (1, BOUND, 56)
    assert loaded._size((BOUND, 9999), None) is None


def test_a_height_that_the_network_does_not_take(net):
    with pytest.raises(SeglensError, match="height 48, but this network takes 32"):
        load_depth_net(str(net("hybrid"))).depth(image(45, 77), 48)
