"""What votes cost over the bare forward pass, and what CPRAL's narrowing saves: the part of `scoring.py` on passes.

DeepLabV3+ on EfficientNet-Lite0, dropout 0.2, 20 passes, nothing cached. `forward` is the network on batches of a
chunk; `alone` one image at a time, which is how evidence, and all that votes are compared with, go about it. What is
compared with predicts and counts the way that was fastest here (``functional.uncertainty.predicted``, scattering).

- `votes20_over_forward`: vote entropy through evidence, encoder included, channels dropped behind the decoder;
  `votes20_aspp_over_forward`: behind the ASPP; `votes20_decoder_over_forward`: behind the ASPP and the fusing block;
  `votes20_decoder_naive_over_forward`: the latter with the encoder once and the decoder 20 times;
- `votes20_speedup`: 20 full passes, encoder included, over the first of these;
- `votes20_equal_share`: pixels with the same votes as 20 full passes with equal masks, in float32 (the rest are ties
  but for rounding: `votes20_equal` allows one pixel in 10,000); `_bfloat16`: as it runs where the CPU has it, where the
  logits themselves are rounded to three digits, and masks are multiplied into weights before that, not after;
- `cpral_time_saved`: by predicting the loss of every image (an untrained head: its time is the same) and voting on
  `cpral_fraction` of them, over voting on all; `cpral_time_saved_possible`: 1 - (n + f v) / v, from narrowing n,
  fraction f, and votes on all v; `cpral_time_saved_paper`: over 20 full passes on all, as the paper compares.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from round import SIZE, DecodedParams, DecodedStreets, timed
from torch import Tensor

from seglens.acquisition.narrow import LossPrediction
from seglens.acquisition.score import VoteEntropy
from seglens.config import ModelConfig
from seglens.data.classes import CAMVID
from seglens.evidence import NetEvidence
from seglens.functional.uncertainty import predicted
from seglens.functional.votes import vote_entropy
from seglens.models import SegNet, build_network, load_image
from seglens.models.loss_head import LossHead
from seglens.models.precision import autocast
from seglens.protocols import PartContext
from seglens.types import Chance, ImageId, ImageRows

CPU = torch.device("cpu")
MODEL = ModelConfig(name="deeplabv3plus", size=SIZE, dropout=0.0)
PASSES = 20
PAPER_FRACTION = 400 / 2975
"""Images of Cityscapes that CPRAL narrows the pool to."""
CHANCE = Chance((0, "votes"))


def dropping(trained: SegNet, at: str) -> SegNet:
    """The same network with dropout at one place."""
    config = trained.config.model_copy(update={"dropout": 0.2, "dropout_at": at})
    net = build_network(config.model_copy(update={"weights": "random"}), CAMVID, Chance((0,)))
    net.load_state_dict(trained.state_dict())
    return net.eval()


def added(counts: Tensor, logits: Tensor) -> None:
    """Count the votes of one pass, enlarged."""
    classes = predicted(logits)[:, None]
    counts.scatter_add_(1, classes, torch.ones((), dtype=counts.dtype).expand(classes.shape))


class Votes:
    """The works that are timed, on one pool of images.

    Args:
        trained: the network, without dropout.
        images: how many.
        few: how many of them the slow works get.
    """

    def __init__(self, trained: SegNet, images: int, few: int) -> None:
        self.nets = {at: dropping(trained, at) for at in ("decoder", "aspp", "blocks")}
        self.net, self.inside = self.nets["decoder"], self.nets["blocks"]
        self.data = DecodedStreets(DecodedParams(images=images))
        self.pool, self.few = self.data.ids, self.data.ids[:few]
        self.batches = [torch.stack([load_image(self.data, id, SIZE) for id in ids]) for ids in self.chunks(self.pool)]
        self.head = LossHead(self.net.stage_channels).eval()
        context = PartContext(CAMVID, self.data, Path(), SIZE)
        self.score = VoteEntropy(VoteEntropy.Params(passes=PASSES), context)
        self.fraction = max(1, round(images * PAPER_FRACTION)) / images
        self.loss = LossPrediction(LossPrediction.Params(images=round(images * self.fraction), fraction=None), context)

    def chunks(self, ids: Sequence[ImageId]) -> list[Sequence[ImageId]]:
        return [ids[start : start + 8] for start in range(0, len(ids), 8)]

    def evidence(self, ids: Sequence[ImageId], net: SegNet, precision: str = "auto") -> NetEvidence:
        needs = self.score.needs
        return NetEvidence(ids, self.data, SIZE, CHANCE, needs, net, precision=precision)

    def forward(self) -> None:
        with torch.inference_mode(), autocast(CPU):
            for batch in self.batches:
                self.net(batch)

    def alone(self) -> None:
        with torch.inference_mode(), autocast(CPU):
            for batch in self.batches:
                for image in batch.split(1):
                    self.net(image)

    def vote(self, ids: Sequence[ImageId], net: SegNet) -> None:
        for chunk in self.chunks(ids):
            self.score.pixels(self.evidence(chunk, net))

    def votes(self) -> None:
        self.vote(self.pool, self.net)

    def votes_aspp(self) -> None:
        self.vote(self.pool, self.nets["aspp"])

    def votes_decoder(self) -> None:
        self.vote(self.pool, self.inside)

    def naive_decoder(self) -> None:
        """Encoder once, then decoder, enlarging and counting for each pass."""
        for id in self.few:
            counts = torch.zeros(1, len(CAMVID), *SIZE)
            with torch.inference_mode(), autocast(CPU):
                features = self.inside.encode(load_image(self.data, id, SIZE)[None])
                for t in range(PASSES):
                    added(counts, self.inside.decode(features, SIZE, [CHANCE.child(id, t)]))
            vote_entropy(counts)

    def full(self) -> None:
        for id in self.few:
            vote_entropy(self.full_votes(id, self.net))

    def full_votes(self, id: ImageId, net: SegNet, precision: str = "auto") -> Tensor:
        """(1, C, h, w): votes of whole passes."""
        counts, image = torch.zeros(1, len(CAMVID), *SIZE), load_image(self.data, id, SIZE)[None]
        with torch.inference_mode(), autocast(CPU, precision):
            for t in range(PASSES):
                added(counts, net(image, [CHANCE.child(id, t)]))
        return counts

    def narrow(self) -> list[ImageId]:
        """Predict the loss of every image; the encoder runs alone."""
        reduced = [
            self.loss.reduce(
                NetEvidence(ids, self.data, SIZE, CHANCE, self.loss.needs, self.net, member=lambda _name: self.head)
            )
            for ids in self.chunks(self.pool)
        ]
        rows = ImageRows(tuple(self.pool), {"reduced": torch.cat([torch.from_numpy(one) for one in reduced]).numpy()})
        return self.loss.choose(rows, ImageRows(()), CHANCE)

    def cpral(self) -> None:
        self.vote(self.narrow(), self.net)

    def equal_share(self, net: SegNet, precision: str) -> float:
        """Share of the pixels of few images whose votes are those of whole passes."""
        shares = []
        for id in self.few:
            ours = self.evidence([id], net, precision).votes(PASSES)
            shares.append(float((ours == self.full_votes(id, net, precision)).all(1).float().mean()))
        return statistics.mean(shares)


def measure(trained: SegNet, images: int, few: int, rounds: int) -> dict[str, Any]:
    """All figures of this file; every work in turn, ratios are medians over the rounds.

    Args:
        trained: DeepLabV3+ without dropout.
        images: of the pool.
        few: of them, those that the slow works get.
        rounds: how often everything is timed.
    """
    works = Votes(trained, images, few)
    slow = ("full", "naive_decoder")
    names = ("forward", "alone", "votes", "votes_aspp", "votes_decoder", "narrow", "cpral", *slow)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for name in names[: -len(slow)]:
        getattr(works, name)()  # warm up
    for _ in range(rounds):
        for name in names:
            seconds[name].append(timed(getattr(works, name)) / (few if name in slow else images))

    def median(of: Callable[..., float], *which: str) -> float:
        return round(statistics.median(map(of, *(seconds[name] for name in which))), 3)

    def over(name: str, base: str = "forward") -> float:
        return median(lambda a, b: a / b, name, base)

    f, shares = works.fraction, {p: works.equal_share(works.net, p) for p in ("float32", "auto")}
    return {
        "votes20_over_forward": over("votes"),
        "votes20_aspp_over_forward": over("votes_aspp"),
        "votes20_decoder_over_forward": over("votes_decoder"),
        "votes20_decoder_naive_over_forward": over("naive_decoder"),
        "votes20_alone_over_forward": over("alone"),
        "votes20_speedup": over("full", "votes"),
        "votes20_equal": min(shares["float32"], works.equal_share(works.inside, "float32")) >= 1 - 1e-4,
        "votes20_equal_share": round(shares["float32"], 6),
        "votes20_equal_share_bfloat16": round(shares["auto"], 6),
        "cpral_time_saved": median(lambda c, v: 1 - c / v, "cpral", "votes"),
        "cpral_time_saved_possible": median(lambda n, v: 1 - (n + f * v) / v, "narrow", "votes"),
        "cpral_time_saved_paper": median(lambda c, v: 1 - c / v, "cpral", "full"),
        "cpral_narrowing_over_forward": over("narrow"),
        "cpral_fraction": round(f, 4),
    }
