"""Seg-Grad-CAM: where a layer of the decoder speaks for what the network predicts.

Only the decoder is differentiated, the encoder's features are constants; rows are the classes that an image shows,
not all classes. Nothing is hooked, no mode changed, no gradient left behind, and nothing has to require one.

References:
    SegXAL (arXiv 2408.04482), Eq. 2; Vinogradova et al., Towards interpretable semantic segmentation via
    gradient-weighted class activation mapping, AAAI 2020; Selvaraju et al., Grad-CAM, ICCV 2017.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from seglens.evidence.adjoint import Trace, backwards, by_hand, gradients
from seglens.functional.uncertainty import predicted
from seglens.models import SegNet
from seglens.models.network import Features
from seglens.models.precision import autocast
from seglens.types import CamSpec, SeglensError, Size

ROWS = 1 << 25
"""Gradients of logits that autograd holds at a time: 128 MiB."""


@dataclass(frozen=True)
class Decoded:
    """One image that went through the decoder: its features, its logits (1, C, h, w), what a watch saw on the way."""

    features: Features
    logits: Tensor
    trace: Trace


@dataclass(frozen=True)
class Shown:
    """What an image shows.

    Args:
        predicted: (h, w) int64.
        masks: (R, h, w) bool: the pixels that each map explains.
        share: (R,) of the explained pixels.
        classes: (R,) the class of each mask; None = all of them in one.
    """

    predicted: Tensor
    masks: Tensor
    share: Tensor
    classes: Tensor | None


def decode_traced(net: SegNet, features: Features, size: Size, precision: str = "auto") -> Decoded:
    """Decode one image and keep what its maps will need.

    Activations are kept only where the gradient is taken by hand (about 11 million numbers for 360x480); elsewhere
    the decoder runs once more when a map is asked for. One image at a time, channels last: on a CPU this takes half
    the time of a batch, whose large maps come from fresh memory at every layer.

    Args:
        net: in eval mode.
        features: of one image, (1, D, h', w') each; float16 from a cache, too.
        size: (h, w) of the image that was encoded.
        precision: as ``seglens.models.precision.autocast`` takes it.
    """
    device = next(net.parameters()).device
    seen: dict[str, Tensor] = {}
    keep = by_hand(net)

    def watch(name: str, activation: Tensor) -> Tensor:
        if keep:
            seen[name] = activation
        return activation

    near = {tap: f.contiguous(memory_format=torch.channels_last) for tap, f in features.items()}
    with torch.inference_mode(), autocast(device, precision):
        logits = net.decode(near, size, watch=watch).float().contiguous()
    return Decoded(features, logits, seen)


def activation_map(
    net: SegNet, image: Decoded, spec: CamSpec, precision: str = "auto", open: Tensor | None = None
) -> Tensor:
    """The class activation maps of an image, aggregated: (h, w) float32, zeros where no class is predicted.

    Arguments and errors are those of ``class_maps``.
    """
    shown, maps = class_maps(net, image, spec, precision, open)
    with torch.inference_mode():
        if not len(maps):
            return maps.new_zeros(maps.shape[1:])
        return maps.amax(0) if spec.aggregate == "max" else torch.einsum("r,rhw->hw", shown.share, maps)


def class_maps(
    net: SegNet, image: Decoded, spec: CamSpec, precision: str = "auto", open: Tensor | None = None
) -> tuple[Shown, Tensor]:
    """A map for each class that an image shows: relu(sum over k of alpha_k A_k), enlarged bilinearly, normalised.

    Args:
        net: in eval mode.
        image: of ``decode_traced``.
        spec: which maps; ``classes: all`` gives one map, of every pixel's highest logit.
        precision: as ``seglens.models.precision.autocast`` takes it.
        open: (h, w) bool: only these pixels' logits are explained; None = all.

    Returns:
        What is shown, rows in the order of class indices, and (R, h, w) float32 maps of them.

    Raises:
        SeglensError: no such layer, or the network is in training mode.
    """
    check(net, spec.layer)
    with torch.inference_mode():
        shown = _shown(image.logits, spec, open)
    height, width = shown.predicted.shape
    if not len(shown.masks):
        return shown, torch.zeros(0, height, width, device=shown.predicted.device)
    maps = (_by_hand if by_hand(net) else _by_autograd)(net, image, shown, spec, precision)
    with torch.inference_mode():
        padded = [side + -side % net.stride for side in (height, width)]
        maps = functional.interpolate(maps[None], padded, mode="bilinear", align_corners=False)[0]
        return shown, _normalised(maps[:, :height, :width], spec)


def check(net: SegNet, layer: str) -> None:
    """Refuse a network in training mode, and a layer that it does not have."""
    if net.training:
        raise SeglensError("class activation maps need the network in eval mode, and it is in training mode")
    if layer not in net.activations:
        raise SeglensError(f"layer: no layer '{layer}' in the network. Allowed: {', '.join(net.activations)}")


def _shown(logits: Tensor, spec: CamSpec, open: Tensor | None) -> Shown:
    classes = predicted(logits)[0]
    closed = logits.shape[1]
    seen = classes if open is None else torch.where(open, classes, closed)
    counts = torch.bincount(seen.flatten(), minlength=closed + 1)[:closed]
    if spec.classes == "all":
        masks = (seen < closed)[None][: int(counts.sum() > 0)]
        return Shown(classes, masks, torch.ones(len(masks), device=logits.device), None)
    present = counts.nonzero()[:, 0]
    return Shown(classes, seen == present[:, None, None], counts[present] / counts.sum(), present)


def _by_hand(net: SegNet, image: Decoded, shown: Shown, spec: CamSpec, _precision: str) -> Tensor:
    """(R, h', w') maps at the layer's size; on a CPU few rows at a time, to stay in its cache."""
    trunk = image.trace["trunk"]
    rows = max(1, (1 << 22 if trunk.device.type == "cpu" else 1 << 28) // trunk.numel())
    maps = []
    with torch.inference_mode():
        plan = backwards(net, spec.layer, trunk.dtype)
        for first in range(0, len(shown.masks), rows):
            masks = shown.masks[first : first + rows]
            classes = None if shown.classes is None else shown.classes[first : first + rows]
            gradient = gradients(plan, image.trace, shown.predicted, masks, classes)
            maps.append(_weighted(gradient, image.trace[spec.layer], spec))
        return torch.cat(maps)


def _by_autograd(net: SegNet, image: Decoded, shown: Shown, spec: CamSpec, precision: str) -> Tensor:
    """The same for any decoder: it runs once more, with the layer's activation as a leaf."""
    leaves: list[Tensor] = []

    def watch(name: str, activation: Tensor) -> Tensor:
        if name != spec.layer:
            return activation
        leaves.append(activation.detach().clone().requires_grad_())
        return leaves[0]

    size = (shown.predicted.shape[0], shown.predicted.shape[1])
    with torch.inference_mode(False), torch.enable_grad():
        features = {tap: f.clone() for tap, f in image.features.items()}  # tensors of inference mode have no gradient
        with autocast(image.logits.device, precision):
            logits = net.decode(features, size, watch=watch)[0].float()
        picked = logits.gather(0, shown.predicted.clone()[None])[0].flatten()
        sums = shown.masks.clone().flatten(1).float() @ picked
        found: list[Tensor] = []
        for some in torch.split(torch.eye(len(sums), device=sums.device), max(1, ROWS // logits.numel())):
            found += torch.autograd.grad(sums, leaves[0], some, is_grads_batched=True, retain_graph=True)
    with torch.inference_mode():
        return _weighted(torch.cat(found)[:, 0], leaves[0].detach(), spec)


def _weighted(gradient: Tensor, activation: Tensor, spec: CamSpec) -> Tensor:
    """(R, h', w') relu(sum over k of alpha_k A_k) of gradients (R, K, h', w') and the activation (1, K, h', w')."""
    alpha = gradient.sum((2, 3), dtype=torch.float32)
    if spec.weights == "mean":
        alpha = alpha / activation[0, 0].numel()
    else:
        positive = gradient.relu().sum((2, 3), dtype=torch.float32)
        alpha = torch.where(positive > 0, alpha / positive, 0)  # a channel that nothing speaks for has no weight
    return torch.einsum("rk,khw->rhw", alpha, activation[0].float()).relu()


def _normalised(maps: Tensor, spec: CamSpec) -> Tensor:
    """Each map brought to [0, 1]; a constant map becomes zeros (``min-max``), as do zeros (``peak``)."""
    if spec.normalise == "none":
        return maps
    low = maps.amin((1, 2), keepdim=True) if spec.normalise == "min-max" else torch.zeros_like(maps[:, :1, :1])
    reach = maps.amax((1, 2), keepdim=True) - low
    return (maps - low) / torch.where(reach > 0, reach, 1)
