from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from seglens.config import ModelConfig
from seglens.data.classes import CAMVID
from seglens.evidence.adjoint import by_hand
from seglens.evidence.cam import class_maps, decode_traced
from seglens.models import SegNet, build_network
from seglens.types import CamSpec, Chance

SIZE = (72, 100)


def network(name: str, upsampling: str = "nearest") -> SegNet:
    config = ModelConfig(name=name, upsampling=upsampling, size=SIZE, weights="random")
    net = build_network(config, CAMVID, Chance((3,))).eval()
    draw = Chance((4,)).torch()
    for part in net.decoder.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_var.uniform_(0.3, 2, generator=draw)
            part.weight.data.uniform_(-1, 1.5, generator=draw)
            part.bias.data.normal_(0, 0.2, generator=draw)
    return net


@pytest.mark.parametrize("upsampling", ["nearest", "transposed"])
@pytest.mark.parametrize("classes", ["present", "all"])
def test_by_hand_is_by_autograd(upsampling: str, classes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    net = network("unet", upsampling).double()
    image = torch.rand(1, 3, *SIZE, generator=Chance((5,)).torch(), dtype=torch.float64)
    with torch.inference_mode():
        decoded = decode_traced(net, net.encode(image), SIZE, "float32")
    assert decoded.trace["trunk"].dtype == torch.float64
    for layer in net.activations:
        for weights in ("mean", "positive"):
            spec = replace(CamSpec(layer=layer, classes=classes, normalise="none"), weights=weights)
            shown, hand = class_maps(net, decoded, spec, "float32")
            with monkeypatch.context() as patch:
                patch.setattr("seglens.evidence.cam.by_hand", lambda _net: False)
                _, auto = class_maps(net, decoded, spec, "float32")
            assert len(hand) == len(shown.masks) > 0
            torch.testing.assert_close(hand, auto, rtol=0, atol=1e-5 * float(auto.max()) + 1e-12)


def test_only_what_it_knows_is_done_by_hand() -> None:
    assert by_hand(network("unet", "transposed"))
    assert not by_hand(network("fpn"))
