"""Scoring from JPEG files over what decoding and the network must cost, and votes of many passes against Baal's loop.

U-Net on EfficientNet-Lite0, 360x480, 11 classes, bfloat16 where the CPU has it; a thread a core. In each round all are
timed in turn.

- `of_limit`: images a second through the loop (files read, decoded and resized, entropy, rows written) over 1 / (1 /
  decode + 1 / forward): decode is images a second through a thread a core, forward through the network on batches of a
  chunk, images decoded, as `round.py` has it (goal 0.9); `of_limit_alone`: with the network one image at a time, which
  is faster on a processor, and how the loop goes about it;
- `baal_speedup`: seconds an image of Baal's MC-dropout loop (`ModelWrapper.predict_on_dataset_generator`, BALD) over
  ours, on the same network, images, number of passes and place of the dropout, behind the decoder; Baal in an
  environment of its own, its batch the one of 1, 2 or 4 images that is fastest, under the same autocast (goal 12);
- `channels_last_speedup`: the encoder as it was laid out before over as it is, in float32, bfloat16 and in training;
  `unet_channels_last_speedup`: the decoder likewise;
- `scaled_decode_speedup`: 1024x2048 JPEG files brought to 360x480, decoded whole over as they are decoded.

Run: make bench-throughput (python benchmarks/throughput.py --json, without Baal where --baal is not given)
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cluster import config as scoring_config
from cluster import make_pool
from PIL import Image
from provenance import commit, machine, print_figures
from round import SIZE, DecodedParams, DecodedStreets, timed
from torch import Tensor, nn

from seglens.acquisition.score.bald import Bald, BaldParams
from seglens.config import ModelConfig, PartConfig
from seglens.data import open_data
from seglens.data.classes import CAMVID
from seglens.data.streets import Streets
from seglens.evidence import NetEvidence
from seglens.loop.scoring import ScoreChunks, score_pool
from seglens.loop.workbench import MODEL, Workbench
from seglens.models import SegNet, build_network, load_checkpoint, load_image, save_checkpoint
from seglens.models.decoders import unet
from seglens.models.images import to_input
from seglens.models.precision import autocast, has_bf16
from seglens.protocols import PartContext
from seglens.types import Chance

CPU = torch.device("cpu")
PASSES = 20
FEW = 8
"""Images of the passes."""
DROPOUT = 0.2


def of_limit(folder: Path, images: int, rounds: int) -> dict[str, float]:
    """The loop from files over its limit, and the three rates."""
    cores = os.cpu_count() or 1
    torch.set_num_threads(cores)
    make_pool(folder, images)
    bench = Workbench(scoring_config(folder, {"name": "local"}, cores), folder / "run")
    bench.folder(0).mkdir(parents=True)
    net = bench.fresh_net(1).eval()
    save_checkpoint(net, bench.folder(0) / MODEL)
    bench.cut.prepare(bench.pool)
    chunks = bench.chunks(bench.pool)
    batches = [torch.stack([load_image(bench.data, id, SIZE) for id in chunk.images]) for chunk in chunks]

    def decode() -> None:
        with ThreadPoolExecutor(cores) as pool:
            for _ in pool.map(lambda id: load_image(bench.data, id, SIZE), bench.pool):
                pass

    def forward() -> None:
        with torch.inference_mode(), autocast(CPU):
            for batch in batches:
                net(batch)

    def loop() -> None:
        shutil.rmtree(bench.folder(1), ignore_errors=True)
        score_pool(ScoreChunks(bench, 1, {}), chunks, lambda _done, _total: None)

    def alone() -> None:
        with torch.inference_mode(), autocast(CPU):
            for batch in batches:
                for image in batch.split(1):
                    net(image)

    forward(), alone(), loop()  # warm up
    seconds = [(timed(decode), timed(forward), timed(alone), timed(loop)) for _ in range(rounds)]
    decoded, forwarded, by_one, looped = (images / statistics.median(column) for column in zip(*seconds, strict=True))
    return {
        "of_limit": round(statistics.median((d + f) / whole for d, f, _, whole in seconds), 3),
        "of_limit_alone": round(statistics.median((d + a) / whole for d, _, a, whole in seconds), 3),
        "decode_images_per_second": round(decoded, 2),
        "forward_images_per_second": round(forwarded, 2),
        "alone_images_per_second": round(by_one, 2),
        "loop_images_per_second": round(looped, 2),
    }


def layouts(rounds: int) -> dict[str, float]:
    """The network's parts in PyTorch's usual layout over the one that they run in."""
    net = build_network(ModelConfig(name="unet", size=SIZE, dropout=0.0), CAMVID, Chance((0,)))
    plain = torch.rand(4, 3, *(-(-side // net.stride) * net.stride for side in SIZE))
    with torch.inference_mode():
        stages = [stage.contiguous() for stage in net.eval().encoder(plain)]

    def encode(images: Tensor, low: bool, learn: bool) -> None:
        net.train(learn)
        with torch.set_grad_enabled(learn), torch.autocast("cpu", torch.bfloat16, enabled=low):
            found = net.encoder(images)
        if learn:
            net.zero_grad()
            sum(stage.mean() for stage in found[1:]).backward()

    def decode(last: bool, low: bool, learn: bool) -> None:
        net.train(learn)
        kept = unet._channels_last
        unet._channels_last = kept if last else list  # as it was before
        with torch.set_grad_enabled(learn), torch.autocast("cpu", torch.bfloat16, enabled=low):
            found = net.decoder(stages)
        unet._channels_last = kept
        if learn:
            net.zero_grad()
            found.float().mean().backward()

    last = plain.contiguous(memory_format=torch.channels_last)
    pairs = {
        "channels_last_speedup": lambda low, learn: (
            lambda: encode(plain, low, learn),
            lambda: encode(last, low, learn),
        ),
        "unet_channels_last_speedup": lambda low, learn: (
            lambda: decode(False, low, learn),
            lambda: decode(True, low, learn),
        ),
    }
    cases = {"float32": (False, False), "bfloat16": (True, False), "training": (False, True)}
    return {
        f"{name}_{case}": speedup(*make(*how), rounds) for name, make in pairs.items() for case, how in cases.items()
    }


def scaled_decoding(folder: Path, rounds: int) -> float:
    """Large JPEG files at the model's size: decoded whole over decoded as little as that takes."""
    (folder / "large").mkdir()
    scenes = Streets(Streets.Params(images=4, size=(512, 1024)))
    for place, id in enumerate(scenes.ids):
        Image.fromarray(scenes.image(id)).resize((2048, 1024)).save(folder / "large" / f"{place}.jpg")
    data = open_data(PartConfig.model_validate({"name": "folder", "images": str(folder / "large")}))

    def whole() -> None:
        for id in data.ids:
            to_input(data.image(id), SIZE)

    def scaled() -> None:
        for id in data.ids:
            load_image(data, id, SIZE)

    return speedup(whole, scaled, rounds)


def speedup(before: Callable[[], None], after: Callable[[], None], rounds: int) -> float:
    """Median of the ratios of their times, in turn."""
    before(), after()  # warm up
    return round(statistics.median(timed(before) / timed(after) for _ in range(rounds)), 3)


class Ours:
    """BALD of many passes through evidence, on images in memory."""

    def __init__(self) -> None:
        model = ModelConfig(name="unet", size=SIZE, dropout=DROPOUT)
        self.net: SegNet = build_network(model, CAMVID, Chance((0,))).eval()
        self.data = DecodedStreets(DecodedParams(images=FEW))
        self.score = Bald(BaldParams(passes=PASSES), PartContext(CAMVID, self.data, Path(), SIZE))

    def __call__(self) -> None:
        self.score.pixels(NetEvidence(self.data.ids, self.data, SIZE, Chance((0,)), self.score.needs, self.net))


class Plain(nn.Module):
    """The same network as one module, its dropout where ours is, for Baal to patch."""

    def __init__(self, net: SegNet) -> None:
        super().__init__()
        self.net, self.drop = net, nn.Dropout2d(DROPOUT)

    def forward(self, images: Tensor) -> Tensor:
        with autocast(CPU):
            trunk = self.net.trunk(self.net.encode(images))
            return self.net.enlarge(self.net.head(self.drop(trunk)), SIZE).float()


def baal_loop(folder: Path, rounds: int) -> None:
    """In Baal's environment: prints the seconds an image of each round, by batch."""
    from baal.active.heuristics import BALD
    from baal.bayesian.dropout import patch_module
    from baal.modelwrapper import ModelWrapper, TrainingArgs

    torch.set_num_threads(os.cpu_count() or 1)
    net = patch_module(Plain(load_checkpoint(folder / "net.pt")).eval())
    images = [(torch.from_numpy(image), 0) for image in np.load(folder / "images.npy")]

    def passes(batch: int) -> None:
        wrapper = ModelWrapper(net, TrainingArgs(batch_size=batch, use_cuda=False, workers=0))
        for seen in wrapper.predict_on_dataset_generator(images, PASSES, verbose=False):
            BALD(reduction="none").compute_score(seen)

    passes(1)  # warm up
    found = {batch: [timed(lambda b=batch: passes(b)) / len(images) for _ in range(rounds)] for batch in (1, 2, 4)}
    print(json.dumps(found))


def against_baal(python: Path, folder: Path, rounds: int) -> dict[str, Any]:
    """Ours before and after Baal's process, in the same run."""
    ours = Ours()
    save_checkpoint(ours.net, folder / "net.pt")
    np.save(folder / "images.npy", np.stack([load_image(ours.data, id, SIZE).numpy() for id in ours.data.ids]))
    ours()  # warm up
    seconds = [timed(ours) / FEW for _ in range(rounds)]
    command = [str(python), __file__, "--baal-loop", str(folder), "--rounds", str(max(1, rounds // 3))]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip().splitlines()[-1]
    seconds += [timed(ours) / FEW for _ in range(rounds)]
    by_batch = {batch: statistics.median(times) for batch, times in json.loads(said).items()}
    best = min(by_batch, key=lambda batch: by_batch[batch])
    mine = statistics.median(seconds)
    return {
        "baal_speedup": round(by_batch[best] / mine, 2),
        "baal_seconds_per_image": round(by_batch[best], 3),
        "baal_batch": int(best),
        "seconds_per_image": round(mine, 4),
        "passes": PASSES,
    }


def main() -> None:
    """Measure and print one JSON object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="accepted for symmetry: the last line is always JSON")
    parser.add_argument("--images", type=int, default=64, help="JPEG files that are scored")
    parser.add_argument("--rounds", type=int, default=7, help="how often everything is timed")
    parser.add_argument("--baal", type=Path, help="python of an environment with Baal and Seglens")
    parser.add_argument("--baal-loop", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help="also write the figures to this file")
    args = parser.parse_args()
    if args.baal_loop:
        return baal_loop(args.baal_loop, args.rounds)
    with tempfile.TemporaryDirectory() as name:
        found = of_limit(Path(name), args.images, args.rounds)
        found |= layouts(args.rounds)
        found["scaled_decode_speedup"] = scaled_decoding(Path(name), args.rounds)
        if args.baal:
            found |= against_baal(args.baal.absolute(), Path(name), args.rounds)
    found |= {
        "images": args.images,
        "rounds": args.rounds,
        "bfloat16": has_bf16(CPU),
        "load": round(os.getloadavg()[0], 2),
        "commit": commit(),
        **machine(),
    }
    print_figures(found, args.out)
    return None


if __name__ == "__main__":
    main()
