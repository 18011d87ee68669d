"""What an explanation needs: a model of a run or a checkpoint, the parts that explain it, and an image."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import seglens.depth  # noqa: F401 - the import registers the sources
from seglens.acquisition.score import ExplainableError
from seglens.config import PartConfig, RunConfig, assign
from seglens.data.filed import Entry, FileImages
from seglens.data.object_cache import cache_folder
from seglens.evidence import NetEvidence
from seglens.loop.workbench import LEARNT, MODEL, Workbench
from seglens.models import SegNet, load_checkpoint
from seglens.protocols import DepthSource, PartContext, SegDataset
from seglens.registry import cuts, depths, scores
from seglens.report.explain import NEEDS, Depth, Explanation, explain
from seglens.superpixels.slic import Superpixels, superpixels
from seglens.types import Chance, ImageId, IntArray, SeglensError

SCORE, CUT = "explainable-error", "object"


@dataclass(frozen=True)
class Lens:
    """A model with the parts that explain it.

    Args:
        model: what to call the model.
        net: the network, in eval mode.
        config: the parts ``score``, ``cut`` and ``depth`` to explain with, and the caches.
        learnt: what the score learnt of answers, empty = nothing.
        weighing: where the score's weights come from, in words.
        bench: the run that the model is of; None = a checkpoint by itself.
    """

    model: str
    net: SegNet
    config: RunConfig
    learnt: Mapping[str, Any]
    weighing: str
    bench: Workbench | None = None

    @property
    def known(self) -> list[SegDataset]:
        """The datasets whose images can be named by id: the run's pool, then its evaluation's."""
        if self.bench is None:
            return []
        return [data for data in (self.bench.data, self.bench.eval_data) if data is not None]

    def explain(self, data: SegDataset, id: ImageId) -> Explanation:
        """The explanation of an image. One of the run's pool is seen as the loop sees it; others in full precision.

        Raises:
            SeglensError: an unreadable image, no such layer, or no depth for the image.
        """
        context = PartContext(self.net.classes, data, cache_folder(self.config.cache), self.net.config.size)
        score: ExplainableError = scores.build(self.config.score, context)
        if self.learnt:
            score.recall(self.learnt)
        cut: Any = cuts.build(self.config.cut, context)
        cut.superpixels = OwnSuperpixels(data, context.cache, cut.params.segments, cut.params.compactness)
        depth: DepthSource = depths.build(self.config.depth, context)
        about = Depth(self.config.depth.name, depth.describe())
        return explain(self._evidence(data, id, depth), score, cut, self.net.classes, about, self.weighing, self.model)

    def _evidence(self, data: SegDataset, id: ImageId, depth: DepthSource) -> NetEvidence:
        depth.prepare([id])
        pool = self.bench is not None and data is self.bench.data
        cache = self.bench.cache if self.bench is not None and pool else None
        if cache is not None:
            cache.fill([id])
        return NetEvidence(
            [id],
            data,
            self.net.config.size,
            Chance((self.config.seed, "explain")),
            NEEDS,
            self.net,
            cache,
            precision=self.config.train.precision if pool else "float32",
            depth=depth,
        )


class OwnSuperpixels(Superpixels):
    """Superpixels of one image alone: none of its neighbours is looked at, so their number is SLIC's own."""

    def labels(self, id: ImageId) -> IntArray:
        """(H, W) int32 superpixel of each pixel."""
        return superpixels(self.data.image(id), self.segments, self.compactness)


def of_run(
    run: Path, config: RunConfig, round: int | None = None, depth: str | None = None, settings: Sequence[str] = ()
) -> Lens:
    """The lens of a run's model.

    Args:
        run: the run's folder.
        config: its config; its own score, cut and depth explain where they can, else the defaults do.
        round: whose model; None = the latest.
        depth: another depth source than the run's, by name.
        settings: ``score.layer=trunk`` and the like, of score, cut and depth.

    Raises:
        SeglensError: no model (of that round) yet, or settings that are not understood.
    """
    trained = [int(path.parent.name) for path in sorted((run / "rounds").glob(f"*/{MODEL}"))]
    if not trained:
        raise SeglensError(f"{run}: no trained model in it yet, so there is nothing to explain")
    number = trained[-1] if round is None else round
    if number not in trained:
        raise SeglensError(f"{run}: no model of round {number}; there are models of rounds {_listed(trained)}")
    own, config = config.score, explaining(config, depth, settings)
    bench = Workbench(config, run)
    learnt, weighing = _learnt(bench, number)
    if learnt and config.score != own:
        weighing += ", for other maps"
    name = f"{run.resolve().name}, model of round {number}"
    return Lens(name, load_checkpoint(bench.folder(number) / MODEL).eval(), config, learnt, weighing, bench)


def of_checkpoint(file: Path, depth: str | None = None, settings: Sequence[str] = ()) -> Lens:
    """The lens of a model's file; see ``of_run``."""
    config = explaining(RunConfig(), depth, settings)
    return Lens(file.name, load_checkpoint(file).eval(), config, {}, _fixed(config))


def explaining(config: RunConfig, depth: str | None = None, settings: Sequence[str] = ()) -> RunConfig:
    """``config`` with parts that explain: its own where they can.

    Raises:
        SeglensError: a setting of another part, or of a score or cut that explains nothing.
    """
    parts: dict[str, Any] = {
        "score": _part(config.score if config.score.name == SCORE else PartConfig(name=SCORE)),
        "cut": _part(config.cut if config.cut.name == CUT else PartConfig(name=CUT)) | {"level": "object"},
        "depth": {"name": depth} if depth else _part(config.depth),
    }
    for setting in settings:
        if setting.partition("=")[0].partition(".")[0] not in parts:
            raise SeglensError(f"--set {setting!r}: explain takes settings of {', '.join(parts)}")
    chosen = {key: PartConfig.model_validate(value) for key, value in assign(parts, settings).items()}
    for key, name in (("score", SCORE), ("cut", CUT)):
        if chosen[key].name != name:
            raise SeglensError(f"{key}: only '{name}' explains, found '{chosen[key].name}'")
    return config.model_copy(update=chosen)


def find_image(word: str, lens: Lens) -> tuple[SegDataset, ImageId]:
    """The dataset of the run that knows an image by this id, and the id; else a file as a dataset of its own.

    Args:
        word: an id or a path.
        lens: the model that will look at it.

    Raises:
        SeglensError: no such image and no such file.
    """
    for data in lens.known:
        if word in data.ids:
            return data, word
    path = Path(word)
    if not path.is_file():
        ids = lens.known[0].ids if lens.known else ()
        more = f", and no image of the run, which has {len(ids)} ({', '.join(ids[:3])}, ...)" if ids else ""
        raise SeglensError(f"image '{word}': no such file{more}")
    return FileImages(lens.net.classes, {path.stem: Entry(path, "")}), path.stem


def _learnt(bench: Workbench, number: int) -> tuple[Mapping[str, Any], str]:
    """What the score knew when a round's model was the latest, and in words where its weights come from."""
    if bench.config.score.params().get("weights") != "learned":
        return {}, _fixed(bench.config)
    for round in range(number + 1, -1, -1):  # the round after the model's learns first, from answers to its questions
        path = bench.folder(round) / LEARNT
        if path.exists():
            learnt = cast(Mapping[str, Any], json.loads(path.read_text()))
            fitted = bool(learnt.get("fitted"))
            return learnt, f"learned in round {round}" if fitted else "equal (nothing learned yet)"
    return {}, "equal (nothing learned yet)"


def _fixed(config: RunConfig) -> str:
    given = config.score.params().get("weights", "equal")
    return "equal (nothing learned yet)" if given == "learned" else "equal weights" if given == "equal" else "as given"


def _part(part: PartConfig) -> dict[str, Any]:
    return {"name": part.name, **part.params()}


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
