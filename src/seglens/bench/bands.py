"""Quality by depth: mIoU of a model in bands of equally many pixels, from near to far. For evaluation only."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from pydantic import TypeAdapter
from torch import Tensor

from seglens.bench.figures import BandFigures
from seglens.bench.plan import BandsPlan, PlannedRun
from seglens.data.object_cache import cache_folder
from seglens.files import write_bytes
from seglens.functional.metrics import confusion_matrix, iou
from seglens.loop import Workbench, load_config
from seglens.models import load_checkpoint
from seglens.protocols import DepthSource, LabelSource, PartContext, SegDataset
from seglens.registry import depths
from seglens.training import predict
from seglens.types import IGNORE, ByteArray, FloatArray, ImageId, SeglensError

FIGURES = "bands.json"
"""File in a run's folder: its figures by depth and what they were measured with."""
SAMPLE = 2**24
"""Most pixels of the set that the edges are found from (evenly taken: every k-th of each image)."""


def band_names(count: int) -> tuple[str, ...]:
    """What bands are called, from near to far.

    Example:
        >>> band_names(3), band_names(4)
        (('near', 'middle', 'far'), ('nearest', 'band 2', 'band 3', 'farthest'))
    """
    if count <= 3:
        return ("near", "middle", "far") if count == 3 else ("near", "far")
    return ("nearest", *(f"band {n}" for n in range(2, count)), "farthest")


def band_edges(proximity: FloatArray, count: int) -> FloatArray:
    """Proximities that split pixels into ``count`` equal parts.

    Args:
        proximity: (P,) of the pixels that count.
        count: of bands.

    Returns:
        (count - 1,) from near to far: band i is nearer than edge i, and not nearer than edge i - 1.

    Example:
        >>> band_edges(np.linspace(0, 1, 301), 3).round(3).tolist()
        [0.667, 0.333]
    """
    edges: FloatArray = np.quantile(proximity, np.arange(count - 1, 0, -1) / count)
    return edges


def band_of(proximity: FloatArray, edges: FloatArray) -> ByteArray:
    """The band of each pixel, 0 = nearest; a pixel at an edge belongs to the farther band.

    Example:
        >>> band_of(np.array([0.9, 0.5, 0.4, 0.1]), np.array([0.5, 0.2])).tolist()
        [0, 1, 1, 2]
    """
    bands: ByteArray = (len(edges) - np.digitize(proximity, edges[::-1], right=True)).astype(np.uint8)
    return bands


class DepthBands:
    """The bands of an evaluation set.

    Args:
        data: its images.
        labels: their truth; images without a mask are left out.
        source: how near each pixel is; it is given the true labels where it asks for a prediction.
        count: of bands.

    Void pixels and what is infinitely far (proximity 0, the sky) are in no band.

    Raises:
        SeglensError: the source has no depth for an image.
    """

    def __init__(self, data: SegDataset, labels: LabelSource, source: DepthSource, count: int) -> None:
        self.data, self.labels, self.source, self.count = data, labels, source, count
        self.ids: Sequence[ImageId] = [id for id in data.ids if labels.has(id)]
        source.prepare(self.ids)

    def proximity(self, id: ImageId) -> FloatArray:
        """(H, W) native proximity of an image; NaN where a pixel is in no band."""
        label = self.labels.label(id)

        def truth() -> Tensor:
            return torch.from_numpy(label.astype(np.int64))[None]

        near = self.source.proximity([id], (label.shape[0], label.shape[1]), truth)[0].cpu().numpy()
        return np.where((label != IGNORE) & (near > 0), near, np.nan)

    @cached_property
    def edges(self) -> FloatArray:
        """Proximities between the bands, from near to far.

        Raises:
            SeglensError: no pixel of the set has a proximity.
        """
        pixels = sum(int(np.prod(self.data.item(id).size)) for id in self.ids)
        step = -(-pixels // SAMPLE)
        taken = [self.proximity(id).ravel()[::step] for id in self.ids]
        known = np.concatenate([values[~np.isnan(values)] for values in taken]) if taken else np.zeros(0)
        if not len(known):
            raise SeglensError("bands: no pixel of the evaluation images has a proximity above 0")
        return band_edges(known, self.count)

    @cached_property
    def bands(self) -> Mapping[ImageId, ByteArray]:
        """(H, W) band of each pixel of each image, ``count`` = in none."""
        found = {}
        for id in self.ids:
            near = self.proximity(id)
            found[id] = np.where(np.isnan(near), np.uint8(self.count), band_of(near, self.edges)).astype(np.uint8)
        return found

    def measure(self, guess: Callable[[ImageId], ByteArray]) -> BandFigures:
        """mIoU of each band, over the classes that occur both in the nearest and in the farthest.

        Args:
            guess: gives the (H, W) predicted class of each pixel of an image.

        Returns:
            The figures; mIoU None where no class occurs in both.
        """
        classes = len(self.data.classes)
        confusion = np.zeros((self.count, classes, classes), np.int64)
        for id in self.ids:
            truth, guessed = self.labels.label(id), guess(id)
            for band in range(self.count):
                here = np.where(self.bands[id] == band, truth, IGNORE)
                confusion[band] += confusion_matrix(here, guessed, classes)
        both = (confusion[0].sum(1) > 0) & (confusion[-1].sum(1) > 0)
        miou = [float(np.nanmean(iou(one)[both])) if both.any() else None for one in confusion]
        edges = tuple(round(float(edge), 6) for edge in self.edges)
        return BandFigures(self.source.describe(), band_names(self.count), tuple(miou), edges, int(both.sum()))


class BandMeter:
    """Measures the last model of runs by depth; what a run's evaluation images need is computed once.

    Args:
        plan: depth source and number of bands.
    """

    def __init__(self, plan: BandsPlan) -> None:
        self.plan = plan
        self._bands: dict[str, DepthBands] = {}

    def bands(self, run: PlannedRun) -> DepthBands:
        """The bands of a run's evaluation images.

        Raises:
            SeglensError: the images have no such depth.
        """
        assert run.config.eval_data is not None
        key = run.config.eval_data.model_dump_json()
        if key not in self._bands:
            work = Workbench(run.config, run.folder)
            data = work.eval_data
            assert data is not None
            context = PartContext(data.classes, data, cache_folder(run.config.cache), run.config.model.size)
            try:
                source = depths.build(self.plan.depth, context)
                self._bands[key] = DepthBands(data, work.eval_labels, source, self.plan.count)
            except SeglensError as error:
                raise SeglensError(f"bands: {error}") from None
        return self._bands[key]

    def figures(self, run: PlannedRun) -> BandFigures | None:
        """The figures of a finished run, measured once and kept in its folder; None = it never trained a model."""
        path = run.folder / FIGURES
        asked = self.plan.model_dump(mode="json")
        if path.exists():
            kept = json.loads(path.read_text())
            if kept["asked"] == asked:
                return TypeAdapter(BandFigures).validate_python(kept["found"])
        model = self._last_model(run)
        if model is None:
            return None
        net = load_checkpoint(model).eval()
        bands = self.bands(run)
        found = bands.measure(lambda id: predict(net, bands.data.image(id), run.config.model.size))
        write_bytes(path, json.dumps({"asked": asked, "found": asdict(found)}, indent=1).encode())
        return found

    def _last_model(self, run: PlannedRun) -> Path | None:
        return Workbench(load_config(run.folder), run.folder).model(run.config.rounds)
