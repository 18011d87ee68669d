from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from captum.attr import LayerGradCam
from torch import Tensor, nn
from torch.nn import functional

from seglens.config import ModelConfig
from seglens.data.streets import Streets
from seglens.evidence import NetEvidence
from seglens.evidence.cam import activation_map, decode_traced
from seglens.functional.proximity import gated, openness
from seglens.models import FeatureCache, SegNet, build_network, load_image
from seglens.types import CamSpec, Chance, Gate, SeglensError

SIZE = (50, 90)  # odd to the stride: padded to 64 x 96
NETS = ("unet", "unet-transposed", "fpn")
PLAIN = CamSpec(normalise="none")


@pytest.fixture(scope="module")
def data() -> Streets:
    return Streets(Streets.Params(images=3, size=(100, 180)))


@pytest.fixture(scope="module")
def nets(data: Streets) -> dict[str, SegNet]:
    return {name: trained_like(name, data) for name in NETS}


def trained_like(name: str, data: Streets) -> SegNet:
    """A random network that predicts several classes an image: batch norms that do something, a head of wide reach."""
    name, _, upsampling = name.partition("-")
    config = ModelConfig(name=name, upsampling=upsampling or "nearest", size=SIZE, width=32)
    net = build_network(config, data.classes, Chance((0,)))
    draw = Chance((1,)).torch()
    for part in net.decoder.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.1, generator=draw)
            part.running_var.uniform_(0.3, 2, generator=draw)
            part.weight.data.uniform_(0.5, 1.5, generator=draw)
            part.bias.data.normal_(0, 0.2, generator=draw)
    net.head[0].weight.data.normal_(0, 1, generator=draw)
    net.eval()
    with torch.no_grad():
        logits = net(torch.stack([load_image(data, id, SIZE) for id in data.ids]))
        net.head[0].bias.data -= logits.mean((0, 2, 3))
    return net


def evidence(data: Streets, net: SegNet, *needs: str, **more) -> NetEvidence:
    return NetEvidence(
        data.ids, data, SIZE, Chance((0,)), frozenset(("cam", *needs)), net, **{"precision": "float32", **more}
    )


def module_of(net: SegNet, layer: str) -> nn.Module:
    """The module whose output is the layer, for captum to hook."""
    layers = net.decoder.layers
    if net.config.name == "fpn":
        return {"stride-16": layers.p4, "stride-8": layers.p3, "stride-4": layers.p2, "trunk": layers.dropout}[layer]
    block = net.decoder.block(net.activations.index(layer) - 1)[1] if layer != "bottleneck" else None
    return layers.center if block is None else block.attention2


def by_captum(net: SegNet, image: Tensor, layer: str, mask: Tensor, index: Tensor) -> Tensor:
    """(h, w): captum's map of the summed logits ``index`` of ``mask``, bilinear to the padded size, cropped."""

    def summed(x: Tensor) -> Tensor:
        return (net(x).gather(1, index[None, None])[:, 0] * mask).sum((1, 2))

    found = LayerGradCam(summed, module_of(net, layer)).attribute(image, relu_attributions=True)
    padded = [side + -side % net.stride for side in SIZE]
    found = found.detach()
    return functional.interpolate(found, padded, mode="bilinear", align_corners=False)[0, 0, : SIZE[0], : SIZE[1]]


CASES = [(name, layer) for name in NETS for layer in ("stride-16", "stride-8", "stride-4", "trunk")] + [
    (name, layer) for name in NETS[:2] for layer in ("bottleneck", "stride-2")
]


@pytest.mark.parametrize(("name", "layer"), CASES)
def test_maps_are_captums(data: Streets, nets: dict[str, SegNet], name: str, layer: str) -> None:
    net = nets[name]
    ev = evidence(data, net)
    ours = ev.cam(replace(PLAIN, layer=layer))
    together = ev.cam(replace(PLAIN, layer=layer, classes="all"))
    for i, id in enumerate(data.ids[:2]):
        image = load_image(data, id, SIZE)[None]
        predicted = net(image)[0].argmax(0)
        present = predicted.unique()
        assert len(present) >= 4
        maps = [by_captum(net, image, layer, predicted == c, predicted) for c in present]
        wanted = torch.stack(maps).amax(0)
        torch.testing.assert_close(ours[i], wanted, rtol=0, atol=1e-4 * float(wanted.max()))
        wanted = by_captum(net, image, layer, torch.ones_like(predicted), predicted)
        torch.testing.assert_close(together[i], wanted, rtol=0, atol=1e-4 * float(wanted.max()))
