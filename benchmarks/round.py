"""What a round costs over what it must cost: scoring the pool through the loop against the bare forward pass.

U-Net on EfficientNet-Lite0, 360x480, 11 classes, bfloat16 where the CPU has it, images decoded, superpixels computed
ahead, rows written. Loop and bare pass alternate; the ratio is the median over the pairs. `interactive_round_seconds`
is one whole round (score, pick, ask, settle, train, evaluate) of the demo's size with features cached.

Run: python benchmarks/round.py --json
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from provenance import commit, machine, print_figures

from seglens.cli.demo import demo_config
from seglens.config import Params, RunConfig, resolve
from seglens.data.classes import CAMVID
from seglens.data.streets import Streets
from seglens.loop import create, drive
from seglens.loop.scoring import ScoreChunks, score_pool
from seglens.loop.workbench import MODEL, Workbench
from seglens.models import load_image, save_checkpoint
from seglens.models.precision import autocast, has_bf16
from seglens.registry import datasets
from seglens.store import Repository
from seglens.types import ByteArray, ClassTable, ImageId, Item

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


def main() -> None:
    """Measure and print one JSON object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="accepted for symmetry: the last line is always JSON")
    parser.add_argument("--images", type=int, default=64, help="images of the pool that is scored")
    parser.add_argument("--out", type=Path, help="also write the figures to this file")
    parser.add_argument("--pairs", type=int, default=7, help="alternating pairs of loop and bare forward pass")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        entropy, speed = scoring_ratio("entropy", args.images, args.pairs, folder)
        pixbal, _ = scoring_ratio("pixbal", args.images, args.pairs, folder)
        seconds = interactive_round(folder)
    found = {
        "forward_images_per_second": round(speed, 2),
        "entropy_over_forward": round(entropy, 3),
        "pixbal_over_forward": round(pixbal, 3),
        "interactive_round_seconds": round(seconds, 2),
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
