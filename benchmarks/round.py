"""What a round costs over what it must cost: scoring the pool through the loop against the bare forward pass.

U-Net on EfficientNet-Lite0, 360x480, 11 classes, bfloat16 where the CPU has it, images decoded, superpixels computed
ahead, rows written. Loop and bare pass alternate; the ratio is the median over the pairs. `interactive_round_seconds`
is one whole round (score, pick, ask, settle, train, evaluate) of the demo's size with features cached.

- `training_over_bare`: optimiser steps a second of the one recipe, finetuning, over a bare PyTorch loop with the same
  network, augmentation, class weights, optimiser, precision and averaged weights (`AveragedModel`), batches made ahead
  by as many threads, whole labels (goal 0.95);
- `memory_growth`: peak memory of a finetune run of two rounds on ten times the images, a process each, over that on
  `small_pool` images (goal 1.10).

Run: python benchmarks/round.py --json
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from provenance import commit, machine, print_figures
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from seglens.cli.demo import demo_config
from seglens.config import ModelConfig, Params, RunConfig, TrainConfig, resolve
from seglens.data.classes import CAMVID
from seglens.data.streets import Streets
from seglens.loop import create, drive
from seglens.loop.scoring import ScoreChunks, score_pool
from seglens.loop.workbench import MODEL, Workbench
from seglens.models import SegNet, build_network, load_image, save_checkpoint
from seglens.models.precision import autocast, has_bf16
from seglens.registry import datasets
from seglens.store import Repository
from seglens.training import TrainSource, train
from seglens.training.augment import augment
from seglens.training.losses import log_frequency_weights
from seglens.training.optim import build_optimiser, learning_rate_factor
from seglens.training.precision import resolve_precision
from seglens.training.source import draw_batch
from seglens.types import IGNORE, ByteArray, Chance, ClassTable, ImageId, Item, Provenance, SeglensError, Settled

SIZE = (360, 480)


class DecodedParams(Params):
    """How many images."""

    images: int = 32


@datasets.register("decoded-streets")
class DecodedStreets:
    """Street scenes at CamVid's size, decoded ahead, under CamVid's 11 classes (their labels are not used here)."""

    Params = DecodedParams

    def __init__(self, params: DecodedParams) -> None:
        scenes = Streets(Streets.Params(images=params.images, size=SIZE))
        self.classes: ClassTable = CAMVID
        self.ids = list(scenes.ids)
        self.images = {id: scenes.image(id) for id in self.ids}

    def item(self, id: ImageId) -> Item:
        return Item(SIZE, "")

    def image(self, id: ImageId) -> ByteArray:
        return self.images[id]

    def fingerprint(self) -> str:
        return f"decoded-{len(self.ids)}"

    @classmethod
    def labels(cls, params: DecodedParams) -> None:
        return None


def config(score: str, images: int, cache: Path) -> RunConfig:
    """The run whose scoring is timed."""
    values = {
        "data": {"name": "decoded-streets", "images": images},
        "score": score,
        "cut": {"name": "superpixel", "segments": 256},
        "ask": "human",
        "model": {"name": "unet", "size": SIZE},
        "train": {"rhythm": "finetune"},
        "cache": {"dir": str(cache)},
    }
    return resolve(values, {}, "benchmark")


def scoring_ratio(score: str, images: int, pairs: int, folder: Path) -> tuple[float, float]:
    """Median of (loop over forward), and the images a second of the forward pass."""
    bench = Workbench(config(score, images, folder / "cache"), folder / score)
    net = bench.fresh_net(1).eval()
    bench.folder(0).mkdir(parents=True)
    save_checkpoint(net, bench.folder(0) / MODEL)
    bench.cut.prepare(bench.pool)
    chunks = bench.chunks(bench.pool)
    batches = [torch.stack([load_image(bench.data, id, SIZE) for id in chunk.images]) for chunk in chunks]
    work = ScoreChunks(bench, 1, {})

    def forward() -> None:
        with torch.inference_mode(), autocast(torch.device("cpu")):
            for batch in batches:
                net(batch)

    def loop() -> None:
        shutil.rmtree(bench.folder(1), ignore_errors=True)
        score_pool(work, chunks, lambda _done, _total: None)

    forward(), loop()  # warm up
    times = [(timed(forward), timed(loop)) for _ in range(pairs)]
    return statistics.median(b / a for a, b in times), images / statistics.median(a for a, _ in times)


def timed(work: Callable[[], None]) -> float:
    """Seconds that a call takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def interactive_round(folder: Path) -> float:
    """Seconds of the demo's last round, everything it needs cached before."""
    run = folder / "interactive"
    values = demo_config("default", 0).model_dump(mode="json") | {"rounds": 2, "cache": {"dir": str(folder / "cache")}}
    create(run, resolve(values, {}, "benchmark"))
    drive(run)
    repo = Repository.of_run(run)
    seconds = sum(event.data["seconds"] for event in repo.events("stage") if event.round == 1)
    repo.close()
    return seconds


class Finetuning:
    """A training by the recipe, and the same bare.

    Args:
        steps: optimiser steps that are timed.
    """

    def __init__(self, steps: int, images: int = 32) -> None:
        self.data = DecodedStreets(DecodedParams(images=images))
        truth = Streets.labels(Streets.Params(images=images, size=SIZE))
        masks = {id: truth.label(id) % len(CAMVID) for id in self.data.ids}
        person = int(Provenance.PERSON)
        self.settled = {id: Settled(mask, np.full_like(mask, person)) for id, mask in masks.items()}
        self.config = TrainConfig(rhythm="finetune", steps=steps, batch=4, checkpoint_steps=10**6)
        self.chance, self.steps = Chance((0, "bare")), steps

    def net(self) -> SegNet:
        return build_network(ModelConfig(name="unet", size=SIZE, dropout=0.0), CAMVID, Chance((0,)))

    def ours(self) -> None:
        train(self.net(), TrainSource(self.data, self.data.ids, self.settled.__getitem__), self.config, self.chance)

    def batch(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """(N, 3, h, w) images and (N, h, w) labels."""
        seen = [
            augment(self.data.image(draw.id), self.settled[draw.id], SIZE, draw.chance, SIZE)
            for draw in draw_batch(self.data.ids, step, self.config.batch, self.chance)
        ]
        return torch.stack([image for image, _ in seen]), torch.stack([label.index for _, label in seen]).long()

    def bare(self) -> None:
        net, cpu = self.net().train(), torch.device("cpu")
        counts = torch.zeros(len(CAMVID), dtype=torch.int64)
        for found in self.settled.values():
            counts += torch.bincount(torch.from_numpy(found.label).flatten(), minlength=256)[: len(CAMVID)]
        weights = log_frequency_weights(counts)
        optimiser = build_optimiser(net, self.config)
        averaged = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(self.config.ema), use_buffers=True)
        precision = resolve_precision(self.config, cpu)
        with ThreadPoolExecutor(2) as pool:
            coming = [pool.submit(self.batch, step) for step in range(2)]
            for step in range(self.steps):
                images, labels = coming.pop(0).result()
                coming += [pool.submit(self.batch, step + 2)] if step + 2 < self.steps else []
                for group in optimiser.param_groups:
                    group["lr"] = group["peak"] * learning_rate_factor(self.config.schedule, step, self.steps)
                with torch.autocast("cpu", torch.bfloat16, enabled=precision.encoder):
                    features = net.encode(images)
                with torch.autocast("cpu", torch.bfloat16, enabled=precision.decoder):
                    logits = net.enlarge(net.coarse(features), SIZE)
                loss = functional.cross_entropy(logits.float(), labels, weights, ignore_index=IGNORE)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                averaged.update_parameters(net)


def training_over_bare(steps: int, pairs: int) -> float:
    """Median of bare over ours, in seconds: steps a second of ours over the bare loop's."""
    both = Finetuning(steps)
    Finetuning(2).bare(), Finetuning(2).ours()  # warm up
    return statistics.median(timed(both.bare) / timed(both.ours) for _ in range(pairs))


def peak_memory(images: int, folder: Path) -> int:
    """Bytes at the peak of a process that finetunes two rounds on so many images."""
    values = {
        "rounds": 2,
        "data": {"name": "streets", "split": "pool", "images": images, "size": [64, 128]},
        "score": "entropy",
        "cut": {"name": "grid", "rows": 4, "columns": 8},
        "model": {"size": [64, 128]},
        "train": {"rhythm": "finetune", "steps": 20, "batch": 8},
        "budget": {"unit": "clicks", "initial": images, "per_round": images},
        "cache": {"dir": str(folder / "cache")},
    }
    run = folder / f"memory-{images}"
    create(run, resolve(values, {}, "benchmark"))
    command = [sys.executable, "-m", "seglens", "run", str(run), "--resume"]
    done = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(done.pid, 0)
    if status:
        raise SeglensError(f"{run}: the run ended with status {status}")
    return used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    """Measure and print one JSON object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="accepted for symmetry: the last line is always JSON")
    parser.add_argument("--images", type=int, default=64, help="images of the pool that is scored")
    parser.add_argument("--out", type=Path, help="also write the figures to this file")
    parser.add_argument("--pairs", type=int, default=7, help="alternating pairs of loop and bare forward pass")
    parser.add_argument("--steps", type=int, default=12, help="optimiser steps of a training that is timed")
    parser.add_argument(
        "--small-pool", type=int, default=200, help="images of the run that ten times as many are held to"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        entropy, speed = scoring_ratio("entropy", args.images, args.pairs, folder)
        pixbal, _ = scoring_ratio("pixbal", args.images, args.pairs, folder)
        seconds = interactive_round(folder)
        training = training_over_bare(args.steps, args.pairs)
        few, many = (peak_memory(images, folder) for images in (args.small_pool, 10 * args.small_pool))
    found = {
        "forward_images_per_second": round(speed, 2),
        "entropy_over_forward": round(entropy, 3),
        "pixbal_over_forward": round(pixbal, 3),
        "interactive_round_seconds": round(seconds, 2),
        "training_over_bare": round(training, 3),
        "memory_growth": round(many / few, 3),
        "peak_gib": round(many / 2**30, 2),
        "small_pool": args.small_pool,
        "images": args.images,
        "pairs": args.pairs,
        "bfloat16": has_bf16(torch.device("cpu")),
        "load": round(os.getloadavg()[0], 2),
        "config": config("pixbal", args.images, Path()).digest(),
        "commit": commit(),
        **machine(),
    }
    print_figures(found, args.out)


if __name__ == "__main__":
    main()
