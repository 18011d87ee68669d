"""What an explanation costs over what a score must cost: entropy and Seg-Grad-CAM against the bare forward pass.

U-Net on EfficientNet-Lite0, 360x480, 11 classes, bfloat16 where the CPU has it, images decoded, proximity given. The
network is trained for a moment on other streets, so that an image shows as many classes as a trained one would find.
Everything is timed in turn, again and again; a ratio is the median over the rounds.

- `eem_map_over_forward`: the explainable error mask's cheap variant, one map of all classes at once (`pae: map`);
- `eem_input_over_forward`: the paper's (`pae: input`), a map for each class present on the gated image;
- `eem_all_classes_over_forward`: entropy, and a map for each class present on the plain image;
- `cam_peer_speedup`: pytorch-grad-cam's time for a map of each class present, over ours with everything it needs
  (encoder, decoder, prediction); `cam_max_difference`: between the two in float32, maps in [0, 1].

`forward` is the network on batches of a chunk, as `round.py` has it; `alone_over_forward` says what it would be one
image at a time, the way class activation maps are made. Votes of many passes, with DeepLabV3+, are in `voting.py`.

Run: python benchmarks/scoring.py --json (needs the extra `bench`)
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import voting
from provenance import commit, machine, print_figures
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import SemanticSegmentationTarget
from round import SIZE, DecodedParams, DecodedStreets, timed
from torch import Tensor
from torch.nn import functional

from seglens.acquisition.score import ExplainableError
from seglens.config import ModelConfig
from seglens.data.classes import CAMVID, CITYSCAPES
from seglens.data.streets import Streets
from seglens.evidence import NetEvidence
from seglens.evidence.cam import class_maps, decode_traced
from seglens.functional.proximity import from_metres
from seglens.functional.uncertainty import entropy
from seglens.models import SegNet, build_network, load_image
from seglens.models.precision import autocast, has_bf16
from seglens.protocols import PartContext, Progress
from seglens.types import IGNORE, CamSpec, Chance, ImageId, Size

AS_CAMVID = {
    "road": "road", "sidewalk": "pavement", "building": "building", "wall": "building", "fence": "fence",
    "pole": "pole", "traffic light": "sign", "traffic sign": "sign", "vegetation": "tree", "terrain": "tree",
    "sky": "sky", "person": "pedestrian", "rider": "bicyclist", "bicycle": "bicyclist", "motorcycle": "bicyclist",
}  # fmt: skip
"""Classes of Cityscapes under CamVid's names; the others are cars."""
CROP = (128, 160)


class Given:
    """A depth source whose maps are there already."""

    def __init__(self, ids: Sequence[ImageId]) -> None:
        scenes = Streets(Streets.Params(images=len(ids), size=SIZE))
        self.maps = {id: from_metres(torch.from_numpy(scenes.depth(id))[None])[0] for id in ids}

    def prepare(self, ids: Sequence[ImageId], progress: Progress | None = None) -> None:
        """Nothing to do."""

    def proximity(self, ids: Sequence[ImageId], size: Size, predicted: Callable[[], Tensor]) -> Tensor:
        return torch.stack([self.maps[id] for id in ids])


def trained(steps: int, model: ModelConfig) -> SegNet:
    """A network whose decoder was trained on crops of other streets, rare classes counting more."""
    scenes = Streets(Streets.Params(split="train", images=24, frames=1, size=SIZE))
    truth = Streets.labels(scenes.params)
    ids = np.array([CAMVID.names.index(AS_CAMVID.get(name, "car")) for name in CITYSCAPES.names])
    table = torch.from_numpy(np.append(ids, np.full(256 - len(ids), IGNORE)))
    images = torch.stack([load_image(scenes, id, SIZE) for id in scenes.ids])
    labels = torch.stack([table[torch.from_numpy(truth.label(id)).long()] for id in scenes.ids])
    share = torch.bincount(labels[labels != IGNORE], minlength=len(CAMVID)) / (labels != IGNORE).sum()
    net = build_network(model, CAMVID, Chance((0,)))
    net.freeze_encoder()
    optimiser = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=3e-3)
    draw = Chance((0, "crops")).numpy()
    for _ in range(steps):
        picks = draw.integers(len(images), size=8)
        y, x = draw.integers(SIZE[0] - CROP[0]), draw.integers(SIZE[1] - CROP[1])
        window = np.s_[:, ..., y : y + CROP[0], x : x + CROP[1]]
        logits = net(images[picks][window])
        loss = functional.cross_entropy(
            logits, labels[picks][window], weight=share.clamp(min=1e-4) ** -0.5, ignore_index=IGNORE
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return net.requires_grad_(True).eval()


class Timed:
    """The works that are timed, on one pool of images.

    Args:
        net: the network.
        images: how many.
        peer: how many of them pytorch-grad-cam gets.
        layer: whose activation is weighted.
    """

    def __init__(self, net: SegNet, images: int, peer: int, layer: str) -> None:
        self.net, self.layer = net, layer
        self.data = DecodedStreets(DecodedParams(images=images))
        self.chunks = [self.data.ids[i : i + 8] for i in range(0, images, 8)]
        self.depth = Given(self.data.ids)
        self.batches = [torch.stack([load_image(self.data, id, SIZE) for id in chunk]) for chunk in self.chunks]
        self.few = [load_image(self.data, id, SIZE)[None] for id in self.data.ids[:peer]]
        context = PartContext(CAMVID, self.data, Path(), SIZE)
        self.input = ExplainableError(ExplainableError.Params(pae="input", layer=layer), context)
        self.map = ExplainableError(ExplainableError.Params(pae="map", layer=layer), context)
        self.classes = CamSpec(layer=layer)

    def forward(self) -> None:
        with torch.inference_mode(), autocast(torch.device("cpu")):
            for batch in self.batches:
                self.net(batch)

    def alone(self) -> None:
        with torch.inference_mode(), autocast(torch.device("cpu")):
            for batch in self.batches:
                for image in batch.split(1):
                    self.net(image)

    def evidence(self, ids: Sequence[ImageId]) -> NetEvidence:
        needs = frozenset({"logits", "cam", "proximity"})
        return NetEvidence(ids, self.data, SIZE, Chance((0,)), needs, self.net, depth=self.depth)

    def eem_map(self) -> None:
        for ids in self.chunks:
            self.map.pixels(self.evidence(ids))

    def eem_input(self) -> None:
        for ids in self.chunks:
            self.input.pixels(self.evidence(ids))

    def all_classes(self) -> None:
        for ids in self.chunks:
            ev = self.evidence(ids)
            entropy(ev.logits), ev.cam(self.classes)

    def ours(self) -> None:
        """Every class's map of a few images, from the image on."""
        for image in self.few:
            with torch.inference_mode(), autocast(torch.device("cpu")):
                features = self.net.encode(image)
            class_maps(self.net, decode_traced(self.net, features, SIZE), self.classes)

    def peer(self) -> None:
        """The same by pytorch-grad-cam: a forward pass for the prediction, then forward and backward by class."""
        for image in self.few:
            by_peer(self.net, image, self.layer)


def by_peer(net: SegNet, image: Tensor, layer: str, precision: str = "auto") -> Tensor:
    """(R, h, w) maps of the classes predicted in an image (1, 3, h, w), as pytorch-grad-cam's tutorial makes them."""
    with torch.inference_mode(), autocast(torch.device("cpu"), precision):
        predicted = net(image)[0].argmax(0).numpy()
    module = net.decoder.block(net.activations.index(layer) - 1)[1].conv2
    # its arrays know no bfloat16
    with GradCAM(net, [module], reshape_transform=Tensor.float) as cam, autocast(torch.device("cpu"), precision):
        targets = [SemanticSegmentationTarget(c, np.float32(predicted == c)) for c in np.unique(predicted)]
        return torch.from_numpy(np.concatenate([cam(input_tensor=image, targets=[target]) for target in targets]))


def difference(net: SegNet, data: DecodedStreets, layer: str) -> float:
    """The greatest difference between the two in float32, on an image that needs no padding (the peer knows none)."""
    size = (SIZE[0] // net.stride * net.stride, SIZE[1] // net.stride * net.stride)
    image = load_image(data, data.ids[0], size)[None]
    with torch.inference_mode():
        decoded = decode_traced(net, net.encode(image), size, "float32")
    _, maps = class_maps(net, decoded, CamSpec(layer=layer), "float32")
    return float((maps - by_peer(net, image, layer, "float32")).abs().max())


def present(net: SegNet, batches: Sequence[Tensor]) -> float:
    """Mean number of classes predicted in an image."""
    with torch.inference_mode(), autocast(torch.device("cpu")):
        return statistics.mean(len(one.unique()) for batch in batches for one in net(batch).argmax(1))


def main() -> None:
    """Measure and print one JSON object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="accepted for symmetry: the last line is always JSON")
    parser.add_argument("--images", type=int, default=16, help="images that are scored")
    parser.add_argument("--peer-images", type=int, default=1, help="of them, images that the slow peers get")
    parser.add_argument("--pairs", type=int, default=5, help="rounds in which everything is timed in turn")
    parser.add_argument("--steps", type=int, default=90, help="training steps of the network")
    parser.add_argument("--layer", default=CamSpec().layer, help="whose activation is weighted")
    parser.add_argument("--out", type=Path, help="also write the figures to this file")
    args = parser.parse_args()
    net = trained(args.steps, ModelConfig(name="unet", size=SIZE, dropout=0.0))
    works = Timed(net, args.images, args.peer_images, args.layer)
    names = ("forward", "alone", "eem_map", "eem_input", "all_classes", "peer", "ours")
    for name in names[:-2]:
        getattr(works, name)()  # warm up
    times = {name: [] for name in names}
    for _ in range(args.pairs):
        for name in names:
            times[name].append(timed(getattr(works, name)))

    def over(name: str, base: str = "forward") -> float:
        return round(statistics.median(a / b for a, b in zip(times[name], times[base], strict=True)), 3)

    found: dict[str, Any] = {
        "eem_map_over_forward": over("eem_map"),
        "eem_input_over_forward": over("eem_input"),
        "eem_all_classes_over_forward": over("all_classes"),
        "cam_peer_speedup": over("peer", "ours"),
        "cam_max_difference": difference(net, works.data, args.layer),
        "alone_over_forward": over("alone"),
        "forward_images_per_second": round(args.images / statistics.median(times["forward"]), 2),
        **voting.measure(trained(args.steps, voting.MODEL), args.images, args.peer_images, args.pairs),
        "classes_present": round(present(net, works.batches), 2),
        "classes": len(CAMVID),
        "layer": args.layer,
        "images": args.images,
        "pairs": args.pairs,
        "bfloat16": has_bf16(torch.device("cpu")),
        "load": round(os.getloadavg()[0], 2),
        "commit": commit(),
        **machine(),
    }
    print_figures(found, args.out)


if __name__ == "__main__":
    main()
