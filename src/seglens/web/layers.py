"""What the page lays over an image: what the model said of it when it was asked about, and the labels so far."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from sqlalchemy import select

from seglens.acquisition.settle.paint import paint
from seglens.config import RunConfig
from seglens.data.object_cache import cache_folder
from seglens.depth import OF_THE_IMAGE
from seglens.files import encode_id, read_arrays, read_map
from seglens.functional.run_lengths import indices
from seglens.protocols import DepthSource, PartContext, SegDataset
from seglens.registry import depths
from seglens.store import Repository
from seglens.store.rows import query_of
from seglens.store.tables import QueryRow
from seglens.types import IGNORE, AnsweredImage, AnswerKind, ByteArray, FloatArray, ImageId, SeglensError
from seglens.web.pictures import Picture, Pictures, grey

INDEXED = ("prediction", "candidates", "labels")
MAPPED = ("entropy", "proximity", "eem", "score")


class Layers:
    """The layers of a run's images.

    Args:
        config: of the run.
        data: its images.
        repo: its store.
        pictures: where finished layers are remembered.
        run: its folder.
    """

    def __init__(self, config: RunConfig, data: SegDataset, repo: Repository, pictures: Pictures, run: Path) -> None:
        self.config, self.data, self.repo, self.pictures, self.run = config, data, repo, pictures, run
        self._depth: DepthSource | None = None

    def names(self) -> list[str]:
        """The layers that this run can have."""
        found = ["image", "prediction", "entropy", "proximity", "score", "candidates", "labels"]
        if self.config.score.name == "explainable-error":
            found.insert(4, "eem")
        return found

    def of(self, id: ImageId) -> list[str]:
        """The layers that an image can have now: without maps of a round, the image and what people said of it.

        An image of the audit set never gets maps, and its prediction is not computed for it either: who labels over
        what the model says agrees with it too often, and the model would be measured on its own words.
        """
        return self.names() if self._maps(id) is not None else ["image", "labels"]

    def layer(self, id: ImageId, name: str) -> Picture | None:
        """A layer as 8-bit grey PNG; None where there is none (no model yet, nothing answered)."""
        if name == "labels":
            return self._labels(id)
        path = self._maps(id)
        if path is None:
            return None
        if name == "candidates":
            return self._candidates(id)
        stamp = f"{name}-{path.parent.parent.name}-{path.stat().st_mtime_ns}"
        ready = self.pictures.ready(stamp, id)
        if ready is not None:
            return ready
        maps = read_arrays(path)
        if name == "prediction":
            return self._picture(stamp, id, maps["prediction"])
        values = self._map(id, name, maps)
        if values is None:
            return None
        fixed = name in ("entropy", "proximity")
        low, high = (0.0, 1.0) if fixed else (float(np.nanmin(values)), float(np.nanmax(values)))
        scaled = np.nan_to_num((values - low) / ((high - low) or 1.0)).clip(0, 1)
        header = {"X-Seglens-Range": f"{low:.6g},{high:.6g}"}
        return self._picture(stamp, id, np.rint(scaled * 255).astype(np.uint8), header)

    def prediction(self, id: ImageId) -> ByteArray | None:
        """(h, w) classes predicted when the image was asked about last, at the model's size."""
        path = self._maps(id)
        return read_arrays(path, only={"prediction"})["prediction"] if path is not None else None

    def _maps(self, id: ImageId) -> Path | None:
        """The newest round's maps of an image."""
        found = sorted((self.run / "rounds").glob("[0-9]*"), reverse=True)
        paths = (folder / "maps" / f"{encode_id(id)}.npz" for folder in found)
        return next((path for path in paths if path.exists()), None)

    def _map(self, id: ImageId, name: str, maps: dict[str, np.ndarray]) -> FloatArray | None:
        if name == "entropy":
            values = maps.get("entropy", maps.get("ebu"))
        elif name == "proximity":
            values = maps.get("proximity")
            values = self._proximity(id, maps["prediction"]) if values is None else values
        elif name == "eem":
            values = maps["score"] if self.config.score.name == "explainable-error" else None
        else:
            values = maps["score"]
        return np.asarray(values, np.float32) if values is not None else None

    def _proximity(self, id: ImageId, prediction: ByteArray) -> FloatArray | None:
        part = self.config.depth
        if part.name not in OF_THE_IMAGE:
            return None
        size = (prediction.shape[0], prediction.shape[1])
        try:
            if self._depth is None:
                context = PartContext(self.data.classes, self.data, cache_folder(self.config.cache), size)
                self._depth = depths.build(part, context)
            self._depth.prepare([id])
            found = self._depth.proximity([id], size, lambda: torch.from_numpy(prediction[None].astype(np.int64)))
        except SeglensError:  # this image has no depth
            return None
        near: FloatArray = found[0].numpy()
        return near

    def _candidates(self, id: ImageId) -> Picture | None:
        """Regions of the image's questions, as the class that the model would say."""
        chosen = select(QueryRow).where(QueryRow.image == id).order_by(QueryRow.round, QueryRow.position)
        with self.repo.transaction() as session:
            asked = [query_of(row) for row in session.scalars(chosen) if row.reason.get("classes")]
        if not asked:
            return None
        latest = [q for q in asked if q.round == asked[-1].round]
        stamp = f"candidates-{latest[0].round}-{len(latest)}"
        ready = self.pictures.ready(stamp, id)
        if ready is not None:
            return ready
        height, width = self.data.item(id).size
        drawn = np.full(height * width, IGNORE, np.uint8)
        for query in reversed(latest):
            drawn[indices(query.region.runs)] = query.reason["classes"][0]
        return self._picture(stamp, id, drawn.reshape(height, width))

    def _labels(self, id: ImageId) -> Picture | None:
        """What people have said of the image so far, over what was settled for it."""
        pairs = [pair for pair in self.repo.answered(id) if pair.query.kind is not AnswerKind.VERDICT]
        path = self.run / "labels" / f"{encode_id(id)}.png"
        settled = path.stat().st_mtime_ns if path.exists() else 0
        if not pairs and not settled:
            return None
        told = [(p.query.id, p.answer.status, p.answer.classes, p.answer.point, p.answer.dense) for p in pairs]
        marks = hashlib.sha256(repr([(*rest, None if d is None else hash(d.tobytes())) for *rest, d in told]).encode())
        stamp = f"labels-{settled}-{marks.hexdigest()[:16]}"
        ready = self.pictures.ready(stamp, id)
        if ready is not None:
            return ready
        label = paint(AnsweredImage(id, self.data.item(id).size, pairs)).label
        if settled:
            label = np.where(label == IGNORE, read_map(path), label)
        return self._picture(stamp, id, label)

    def _picture(self, stamp: str, id: ImageId, values: ByteArray, headers: dict[str, str] | None = None) -> Picture:
        size = {"X-Seglens-Size": f"{values.shape[0]},{values.shape[1]}"}
        name = self.pictures.name(stamp, id)
        picture = Picture(grey(values), "image/png", f'"{name}"', {**size, **(headers or {})})
        self.pictures.remember(name, picture)
        return picture
