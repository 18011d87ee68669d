"""Predictions side by side, where models disagree most: the choice never looks at which of them is right.

Reference: CPRAL (arXiv 2112.05975), Fig. 9.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.patches import Patch
from PIL import Image

from seglens.bench.plan import FULL, Bench, CropsPlan, PlannedRun
from seglens.data import open_data, open_labels
from seglens.loop import Workbench, load_config
from seglens.loop.machine import CONFIG
from seglens.loop.workbench import device
from seglens.models import SegNet, load_checkpoint
from seglens.protocols import LabelSource, SegDataset
from seglens.training import predict
from seglens.types import IGNORE, BoolArray, ByteArray, ClassTable, ImageId, Size

VOID_COLOR = (224, 224, 224)
LARGEST = 400_000
"""Bytes of the picture, at most; colours are given up for it, then size."""
LOOKED_AT = 120
"""Images of the set that are looked at, at most: every k-th."""
Place = tuple[int, int]


@dataclass(frozen=True)
class Crop:
    """A place of an image: its corner (y, x), and what each column shows there, (h, w) classes or (h, w, 3) colours."""

    image: ImageId
    at: Place
    columns: Mapping[str, ByteArray]


def disagreement(guesses: Sequence[ByteArray]) -> BoolArray:
    """Pixels whose class is not the same in all ``guesses``, (H, W) each."""
    found: BoolArray = np.any([guess != guesses[0] for guess in guesses[1:]], axis=0)
    return found


def most_in_a_box(mask: BoolArray, box: Size) -> tuple[int, Place]:
    """The box that holds most of a mask.

    Args:
        mask: (H, W).
        box: (height, width); cut to the mask's.

    Returns:
        Its number of pixels of the mask, and its corner (y, x); of equal boxes the first in reading order.

    Example:
        >>> mask = np.zeros((4, 6), bool)
        >>> mask[2:4, 3:5] = True
        >>> most_in_a_box(mask, (2, 2))
        (4, (2, 3))
    """
    h, w = min(box[0], mask.shape[0]), min(box[1], mask.shape[1])
    sums = np.pad(mask.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    inside = sums[h:, w:] - sums[:-h, w:] - sums[h:, :-w] + sums[:-h, :-w]
    y, x = (int(i) for i in np.unravel_index(inside.argmax(), inside.shape))
    return int(inside[y, x]), (y, x)


def find_crops(
    plan: CropsPlan, nets: Mapping[str, SegNet], data: SegDataset, truth: LabelSource, size: Size
) -> list[Crop]:
    """The places to show.

    The images are taken in as many equal stretches as there are places to show (neighbours in a video look alike), and
    of each the one with the most disagreement in a box stands for it. Only the plan's rows have a say.

    Args:
        plan: rows, number of images, box.
        nets: the network of each column.
        data: the evaluation's images.
        truth: their labels; images without a mask are left out.
        size: of the models' input.

    Returns:
        In the order of the images.
    """
    known = [id for id in data.ids if truth.has(id)]
    ids = known[:: -(-len(known) // LOOKED_AT) or 1]
    stretches = [part for part in np.array_split(np.arange(len(ids)), min(plan.images, len(ids))) if len(part)]
    return [_best([ids[i] for i in part], plan, nets, data, truth, size) for part in stretches]


def _best(
    ids: Sequence[ImageId],
    plan: CropsPlan,
    nets: Mapping[str, SegNet],
    data: SegDataset,
    truth: LabelSource,
    size: Size,
) -> Crop:
    most, best = -1, (ids[0], (0, 0))
    for id in ids:
        image = data.image(id)
        found, at = most_in_a_box(disagreement([predict(nets[row], image, size) for row in plan.rows]), plan.box)
        if found > most:
            most, best = found, (id, at)
    id, (y, x) = best
    image = data.image(id)
    maps = {"image": image} if plan.photos else {}
    maps |= {name: predict(net, image, size) for name, net in nets.items()}
    maps["truth"] = truth.label(id)
    return Crop(id, (y, x), {name: one[y : y + plan.box[0], x : x + plan.box[1]] for name, one in maps.items()})


def coloured(crop: ByteArray, classes: ClassTable) -> ByteArray:
    """Classes (h, w) in their colours, (h, w, 3); void is grey."""
    if crop.ndim == 3:
        return crop
    table = np.full((256, 3), VOID_COLOR, np.uint8)
    table[: len(classes)] = classes.colors
    colours: ByteArray = table[crop]
    return colours


def draw_crops(crops: Sequence[Crop], classes: ClassTable, largest: int = LARGEST) -> bytes:
    """The crops as PNG: a row an image, a column each prediction, a legend of the classes that occur.

    Args:
        crops: at least one, all with the same columns.
        classes: names and colours.
        largest: bytes.
    """
    names = list(crops[0].columns)
    maps = [crop for one in crops for crop in one.columns.values() if crop.ndim == 2]
    seen = sorted({int(c) for crop in maps for c in np.unique(crop)})
    with mpl.rc_context({"font.size": 8}):
        h, w = next(iter(crops[0].columns.values())).shape[:2]
        drawing = Drawing(figsize=(1.9 * len(names), 1.9 * h / w * len(crops) + 0.8), layout="constrained")
        panels = drawing.subplots(len(crops), len(names), squeeze=False)
        for line, crop in zip(panels, crops, strict=True):
            line[0].set_ylabel(f"{crop.image}\nfrom ({crop.at[0]}, {crop.at[1]})", fontsize=6)
            for panel, name in zip(line, names, strict=True):
                _show(panel, coloured(crop.columns[name], classes))
        for panel, name in zip(panels[0], names, strict=True):
            panel.set_title(name, fontsize=8, wrap=True)
        told = [(classes.names[c], classes.colors[c]) if c != IGNORE else ("void", VOID_COLOR) for c in seen]
        patches = [Patch(color="#{:02x}{:02x}{:02x}".format(*color), label=name) for name, color in told]
        drawing.legend(handles=patches, loc="outside lower center", ncols=min(8, len(patches)), frameon=False)
        for dpi in (160, 110, 80, 60, 40):
            file = io.BytesIO()
            drawing.savefig(file, format="png", dpi=dpi, metadata={"Software": None})
            small = _fewer_colours(file.getvalue())
            if len(small) <= largest:
                break
    return small


def _show(panel: Axes, picture: ByteArray) -> None:
    panel.imshow(picture, interpolation="nearest")
    panel.set_xticks([])
    panel.set_yticks([])


def _fewer_colours(png: bytes) -> bytes:
    file = io.BytesIO()
    picture = Image.open(io.BytesIO(png)).convert("RGB").quantize(128, dither=Image.Dither.NONE)
    picture.save(file, format="PNG", optimize=True)
    return file.getvalue()


def crop_runs(bench: Bench) -> dict[str, PlannedRun]:
    """The run of each column: the plan's rows with its seed, then full supervision (its first seed, where it has not
    the same)."""
    assert bench.plan.crops is not None
    found = {}
    for row in [*bench.plan.crops.rows, FULL]:
        runs = [run for run in bench.runs if run.row == row]
        same = [run for run in runs if run.seed == bench.plan.crops.seed]
        if runs:
            found[row] = (same or runs)[0]
    return found


def make_crops(bench: Bench) -> bytes | None:
    """The picture of a benchmark whose runs are done; None where one of its columns has no model (any more)."""
    plan = bench.plan.crops
    assert plan is not None
    runs = crop_runs(bench)
    models = {row: _last_model(run) for row, run in runs.items()}
    nets = {row: load_checkpoint(path).eval().to(device()) for row, path in models.items() if path is not None}
    config = bench.runs[-1].config
    assert config.eval_data is not None
    if len(nets) < len(models):
        return None
    data = open_data(config.eval_data)
    crops = find_crops(plan, nets, data, open_labels(config.eval_data), config.model.size)
    return draw_crops(crops, data.classes)


def _last_model(run: PlannedRun) -> Path | None:
    if not (run.folder / CONFIG).exists():
        return None
    return Workbench(load_config(run.folder), run.folder).model(run.config.rounds)
