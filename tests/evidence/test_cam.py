from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from seglens.evidence.cam import activation_map, class_maps, decode_traced
from seglens.functional.proximity import gated, openness
from seglens.models import FeatureCache, SegNet, build_network, load_image
from seglens.types import CamSpec, Chance, Gate, ImageId, SeglensError, Size

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
        net.head[0].bias.data[8:] -= 1e3  # these are never predicted
    return net


def evidence(data: Streets, net: SegNet, *needs: str, **more) -> NetEvidence:
    return NetEvidence(
        data.ids, data, SIZE, Chance((0,)), frozenset(("cam", *needs)), net, **{"precision": "float32", **more}
    )


def module_of(net: SegNet, layer: str) -> nn.Module:
    """The module whose output is the layer, for captum to hook."""
    layers = net.decoder.layers
    if net.config.name == "fpn":
        return {"stride-16": layers.p4, "stride-8": layers.p3, "stride-4": layers.p2, "trunk": net.decoder}[layer]
    block = net.decoder.block(net.activations.index(layer) - 1)[1] if layer != "bottleneck" else None
    return layers.center if block is None else block.attention2


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Two threads add float32 gradients in another order, which moves sums that nearly cancel by more than 1e-4."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


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


class Ramp:
    """Near at the bottom."""

    def prepare(self, ids: Sequence[ImageId], progress: object = None) -> None:
        pass

    def proximity(self, ids: Sequence[ImageId], size: Size, predicted: object) -> Tensor:
        return torch.linspace(0, 1, size[0])[None, :, None].expand(len(ids), *size)


@pytest.mark.parametrize("name", NETS)
def test_a_gate_explains_what_the_network_makes_of_the_open_pixels(
    data: Streets, nets: dict[str, SegNet], name: str
) -> None:
    net, gate = nets[name], Gate(patches=(5, 9), threshold="median", mode="hard")
    ev = evidence(data, net, "proximity", depth=Ramp())
    found = ev.cam(replace(PLAIN, gate=gate))
    share = openness(ev.proximity, gate)
    assert 0.4 < float(share.mean()) < 0.7
    image = gated(load_image(data, data.ids[0], SIZE)[None], share[:1])
    predicted = net(image)[0].argmax(0)
    open = share[0] > 0
    present = predicted[open].unique()
    maps = [by_captum(net, image, PLAIN.layer, (predicted == c) & open, predicted) for c in present]
    wanted = torch.stack(maps).amax(0)
    torch.testing.assert_close(found[0], wanted, rtol=0, atol=1e-4 * float(wanted.max()))
    assert (found - ev.cam(PLAIN)).abs().max() > 1e-2 * wanted.max()
    torch.testing.assert_close(ev.cam(replace(PLAIN, gate=replace(gate, faded=True))), found * share)


def by_definition(net: SegNet, image: Tensor, spec: CamSpec) -> Tensor:
    """(h, w): written out for one image by autograd through everything, a class at a time."""
    seen: list[Tensor] = []

    def watch(name: str, activation: Tensor) -> Tensor:
        if name == spec.layer:
            seen.append(activation)
        return activation

    logits = net.decode(net.encode(image), SIZE, watch=watch)[0]
    predicted, maps, shares = logits.argmax(0), [], []
    for c in predicted.unique():
        gradient = torch.autograd.grad(logits[c][predicted == c].sum(), seen[0], retain_graph=True)[0][0]
        alpha = gradient.sum((1, 2)) / gradient.clamp(min=0).sum((1, 2)) if spec.weights == "positive" else None
        alpha = gradient.mean((1, 2)) if alpha is None else alpha.nan_to_num(0, 0, 0)
        small = (alpha[:, None, None] * seen[0][0]).sum(0).clamp(min=0).detach()
        padded = [side + -side % net.stride for side in SIZE]
        large = functional.interpolate(small[None, None], padded, mode="bilinear", align_corners=False)[0, 0]
        large = large[: SIZE[0], : SIZE[1]]
        low = large.min() if spec.normalise == "min-max" else 0
        maps.append(large if spec.normalise == "none" else (large - low) / (large.max() - low).clamp(min=1e-12))
        shares.append((predicted == c).float().mean())
    stacked = torch.stack(maps)
    return stacked.amax(0) if spec.aggregate == "max" else (stacked * torch.stack(shares)[:, None, None]).sum(0)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize(
    "spec",
    [
        CamSpec(),
        CamSpec(aggregate="share", normalise="peak"),
        CamSpec(weights="positive", layer="stride-16"),
        CamSpec(weights="positive", aggregate="share", normalise="none", layer="trunk"),
    ],
)
def test_every_choice_is_what_it_says(data: Streets, nets: dict[str, SegNet], name: str, spec: CamSpec) -> None:
    net = nets[name]
    wanted = by_definition(net, load_image(data, data.ids[0], SIZE)[None], spec)
    found = evidence(data, net).cam(spec)
    assert found.shape == (3, *SIZE)
    assert found.dtype == torch.float32
    # a quotient of sums that nearly cancel is sensitive: hence the wider bound for it
    bound = 1e-4 if spec.weights == "mean" else 2e-3
    torch.testing.assert_close(found[0], wanted, rtol=0, atol=bound * float(wanted.max()))
    if spec.normalise != "none":
        assert float(found.min()) >= 0
        assert float(found.max()) <= 1 + 1e-6


@pytest.mark.parametrize("name", NETS)
def test_rows_are_the_classes_that_an_image_shows(data: Streets, nets: dict[str, SegNet], name: str) -> None:
    net = nets[name]
    with torch.inference_mode():
        image = decode_traced(net, net.encode(load_image(data, data.ids[0], SIZE)[None]), SIZE, "float32")
    predicted = image.logits[0].argmax(0)
    shown, maps = class_maps(net, image, PLAIN, "float32")
    assert shown.classes is not None
    assert shown.classes.tolist() == predicted.unique().tolist()
    assert len(maps) == len(shown.masks) == len(shown.classes) < len(data.classes)
    one = int(shown.classes[1])
    only, alone = class_maps(net, image, PLAIN, "float32", predicted == one)
    assert only.classes is not None
    assert only.classes.tolist() == [one]  # a class that is absent has no map
    torch.testing.assert_close(alone[0], maps[1], rtol=0, atol=1e-5 * float(maps[1].max()))
    for classes in ("present", "all"):
        nothing = activation_map(net, image, CamSpec(classes=classes), open=torch.zeros(SIZE, dtype=torch.bool))
        assert nothing.shape == SIZE
        assert not nothing.any()  # nor has an image without any


def test_rows_may_come_in_pieces(data: Streets, nets: dict[str, SegNet], monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = evidence(data, nets["fpn"]).cam(PLAIN)
    monkeypatch.setattr("seglens.evidence.cam.ROWS", 1)
    torch.testing.assert_close(evidence(data, nets["fpn"]).cam(PLAIN), wanted)


@pytest.mark.parametrize("name", NETS)
def test_nothing_is_left_behind(data: Streets, name: str) -> None:
    net = trained_like(name, data)
    wanted = evidence(data, net).cam(PLAIN)
    net.freeze_encoder()
    net.eval()
    modes = [module.training for module in net.modules()]
    state = {key: value.clone() for key, value in net.state_dict().items()}
    close = {"rtol": 0, "atol": 1e-5 * float(wanted.max())}
    torch.testing.assert_close(evidence(data, net).cam(PLAIN), wanted, **close)
    with torch.inference_mode():
        torch.testing.assert_close(evidence(data, net).cam(PLAIN), wanted, **close)
    with torch.no_grad():
        torch.testing.assert_close(evidence(data, net).cam(PLAIN), wanted, **close)
    net.requires_grad_(False)
    torch.testing.assert_close(evidence(data, net).cam(PLAIN), wanted, **close)
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in net.parameters())
    assert not any(module._forward_hooks or module._backward_hooks for module in net.modules())
    assert [module.training for module in net.modules()] == modes
    assert all(bool((value == state[key]).all()) for key, value in net.state_dict().items())
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("name", NETS)
def test_cached_features_do(data: Streets, nets: dict[str, SegNet], name: str, tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, data, nets[name], SIZE, ("plain",), 1.0)
    cache.fill(data.ids)
    with torch.inference_mode():
        found = evidence(data, nets[name], cache=cache).cam(CamSpec())
    wanted = evidence(data, nets[name]).cam(CamSpec())
    assert (found - wanted).abs().mean() < 0.02  # half precision moves a few pixels to another class


@pytest.mark.parametrize("name", NETS)
def test_reduced_precision_draws_the_same_picture(data: Streets, nets: dict[str, SegNet], name: str) -> None:
    for spec in (CamSpec(), CamSpec(classes="all")):
        found, wanted = (evidence(data, nets[name], precision=p).cam(spec) for p in ("auto", "float32"))
        assert found.dtype == torch.float32
        correlation = torch.corrcoef(torch.stack([found.flatten(), wanted.flatten()]))[0, 1]
        assert float(correlation) > 0.8  # 0.997 for a trained network; the gradients of a random one nearly cancel


@pytest.mark.parametrize("name", NETS)
def test_logits_are_the_same_with_and_without_maps(data: Streets, nets: dict[str, SegNet], name: str) -> None:
    needs = frozenset({"logits"})
    plain = NetEvidence(data.ids, data, SIZE, Chance((0,)), needs, nets[name], precision="float32").logits
    torch.testing.assert_close(
        evidence(data, nets[name], "logits").logits, plain, rtol=0, atol=1e-4 * float(plain.abs().max())
    )


@pytest.mark.parametrize("name", NETS)
def test_the_watched_decoder_is_the_librarys(nets: dict[str, SegNet], name: str) -> None:
    net = nets[name]
    with torch.no_grad():
        features = net.encode(torch.rand(2, 3, 64, 96, generator=Chance((2,)).torch()))
        pyramid = [features.get(f"stride-{2**i}", torch.zeros(2, 0, 64 // 2**i, 96 // 2**i)) for i in range(6)]
        if name == "unet":  # laid out as it runs, which decides the order of its sums
            pyramid = [stage.contiguous(memory_format=torch.channels_last) for stage in pyramid]
        trunk = net.decoder.layers(pyramid)
        torch.testing.assert_close(net.trunk(features), trunk, rtol=1e-5, atol=1e-5, check_stride=False)


def test_what_cannot_be_explained_is_refused(data: Streets, nets: dict[str, SegNet]) -> None:
    with pytest.raises(SeglensError, match=r"no layer 'stride-2' .* bottleneck, stride-16, stride-8, stride-4, trunk"):
        evidence(data, nets["fpn"]).cam(CamSpec(layer="stride-2"))
    with pytest.raises(SeglensError, match=r"no layer 'layer4' .* stride-2, trunk"):
        evidence(data, nets["unet"]).cam(CamSpec(layer="layer4"))
    with pytest.raises(SeglensError, match="'proximity' was read but not declared"):
        evidence(data, nets["unet"]).cam(CamSpec(gate=Gate()))
    with pytest.raises(SeglensError, match="'cam' was read but not declared"):
        NetEvidence(data.ids, data, SIZE, Chance((0,)), frozenset({"logits"}), nets["unet"]).cam(PLAIN)
    with pytest.raises(SeglensError, match="none before the first training"):
        NetEvidence(data.ids, data, SIZE, Chance((0,)), frozenset({"cam"})).cam(PLAIN)
    training = trained_like("unet", data).train()
    with pytest.raises(SeglensError, match="eval mode"):
        evidence(data, training).cam(PLAIN)
    assert training.training
