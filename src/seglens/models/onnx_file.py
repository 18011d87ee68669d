"""A network as an ONNX file, kept only when onnxruntime gives what PyTorch does."""

from __future__ import annotations

import json
import logging
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor, nn

from seglens.files import write_bytes
from seglens.models.network import SegNet
from seglens.types import SeglensError

INSTALL = "export-model needs the extra 'onnx': pip install 'seglens[onnx]'"
NEEDED = ("onnx", "onnxruntime", "onnxscript")
"""The last is what torch's exporter needs."""
TOLERANCE = 1e-3
"""Logits may differ by as much from PyTorch's, as a share of their largest magnitude."""


@dataclass(frozen=True)
class Agreement:
    """How near an ONNX file is to the network that it was made of."""

    images: int
    difference: float
    """The largest of the logits'."""
    same_class: float
    """Share of the pixels whose likeliest class is the same."""
    bytes: int


class _Plain(nn.Module):
    """The network as a function of images alone."""

    def __init__(self, net: SegNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> Tensor:
        out: Tensor = self.net(images)
        return out


def export_onnx(net: SegNet, path: Path, images: Tensor) -> Agreement:
    """Write a network as ONNX: ``images`` (N, 3, h, w) float32 RGB in [0, 1] in, ``logits`` (N, C, h, w) out.

    N is free, h and w are the images'; normalising is inside. The file says the classes and their colours
    (``metadata_props``, JSON).

    Args:
        net: the network.
        path: the file to write.
        images: (N, 3, h, w), on which both are compared.

    Returns:
        How far the file's logits are from PyTorch's.

    Raises:
        SeglensError: the extra is missing, or onnxruntime gives other logits; nothing is written then.
    """
    if not all(map(find_spec, NEEDED)):
        raise SeglensError(INSTALL)
    import onnx
    import onnxruntime

    net, images = net.eval(), images.to(net.mean.device)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        _trace(net, file, images[:2] if len(images) > 1 else images.expand(2, -1, -1, -1))
        model = onnx.load(file)
    for node in model.graph.node:
        node.ClearField("metadata_props")  # where in whose folders each was traced
    size = list(images.shape[-2:])
    told = {"classes": net.classes.names, "colors": net.classes.colors, "size": size, "input": "RGB in [0, 1]"}
    for key, value in told.items():
        model.metadata_props.add(key=f"seglens.{key}", value=json.dumps(value))
    data: bytes = model.SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    found = np.asarray(session.run(["logits"], {"images": images.cpu().numpy()})[0])
    with torch.no_grad():
        expected = net(images).cpu().numpy()
    difference = float(np.abs(found - expected).max())
    if not difference <= TOLERANCE * max(float(np.abs(expected).max()), 1.0):
        raise SeglensError(f"{path}: not written: onnxruntime's logits differ from PyTorch's by up to {difference:.3g}")
    write_bytes(path, data)
    same = float((found.argmax(1) == expected.argmax(1)).mean())
    return Agreement(len(images), difference, same, len(data))


def _trace(net: SegNet, file: Path, images: Tensor) -> None:
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Plain(net),
            (images,),
            file,
            input_names=["images"],
            output_names=["logits"],
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("images_at_a_time")},),
            external_data=False,
            verbose=False,
        )
