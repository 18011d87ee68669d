"""A run's configuration: frozen, every key checked, one line and the unit on every field. It imports no part."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path, PurePath
from typing import Any, Literal, Protocol

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from seglens.types import AnswerKind, SeglensError, Unit


def cores() -> int:
    """The cores that this process may use: those of its affinity, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Params(BaseModel):
    """Base of every frozen set of values: unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class NoParams(Params):
    """For parts without parameters."""


class PartConfig(BaseModel):
    """A part by name, ``{name, **params}``; a bare string is the name alone."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str = Field(description="registered name of the part")

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    def params(self) -> dict[str, Any]:
        """Everything but the name."""
        return dict(self.model_extra or {})


class ModelConfig(Params):
    """The network."""

    name: str = Field("fpn", description="decoder: fpn, unet, deeplabv3plus or segformer")
    encoder: str = Field(
        "tu-tf_efficientnet_lite0", description="encoder, any name segmentation-models-pytorch knows, or drn_d_22"
    )
    weights: str = Field(
        "imagenet",
        description="encoder weights: imagenet (embedded), hub (downloaded), random, or a checkpoint file of ours",
    )
    width: int = Field(
        64,
        gt=0,
        description="decoder width, channels (fpn: pyramid and head; deeplabv3plus: ASPP and fusing; segformer: "
        "linear layers and mixing; unet: ignored)",
    )
    upsampling: Literal["nearest", "transposed"] = Field(
        "nearest", description="how unet enlarges: nearest neighbour, or transposed convolutions (others: ignored)"
    )
    dropout: float = Field(0.1, ge=0, lt=1, description="channel dropout, probability")
    dropout_at: Literal["default", "decoder", "aspp", "blocks"] = Field(
        "default",
        description="where channels are dropped: behind the decoder (default of fpn, unet, segformer), behind the ASPP "
        "(default of deeplabv3plus, which alone has one), or in each decoder block",
    )
    size: tuple[int, int] = Field((128, 256), description="model input (height, width), pixels")


DEFAULTS = 0
"""Raised when a default of the config that decides results changes: digests leave defaults out."""
FLIP_BLUR = ("plain", "flip", "blur")
"""The views that stand for the augmentation of that name where the encoder is fixed."""


class TrainConfig(Params):
    """The one recipe."""

    rhythm: Literal["interactive", "finetune"] = Field(
        "interactive", description="interactive: encoder fixed, features cached; finetune: everything trains"
    )
    steps: int | None = Field(450, gt=0, description="optimiser steps a round")
    epochs: int | None = Field(None, gt=0, description="epochs a round, instead of steps")
    batch: int = Field(8, gt=0, description="images a step")
    loss_pixels: int = Field(
        4096, gt=0, description="labelled pixels of an image that a step's loss looks at, at most (drawn by chance)"
    )
    optimiser: Literal["adamw", "sgd"] = Field("adamw", description="optimiser")
    lr: float = Field(1.2e-2, gt=0, description="peak learning rate of the decoder; not given, finetune takes 3e-3")
    encoder_lr: float = Field(4e-4, gt=0, description="peak learning rate of the encoder (finetune)")
    weight_decay: float = Field(1e-2, ge=0, description="weight decay")
    schedule: Literal["one-cycle", "constant", "step"] = Field("one-cycle", description="learning-rate schedule")
    drop_at: float = Field(
        2 / 3, gt=0, le=1, description="share of the steps after which step takes a tenth of the learning rate"
    )
    restart: Literal["pretrained", "random", "warm"] = Field(
        "pretrained", description="weights at the start of a round: as built, all random, or the last round's"
    )
    class_weights: Literal["none", "log-frequency"] = Field(
        "log-frequency", description="loss weight of a class: 1, or 1/log(1.1 + its share of the labels)"
    )
    ema: float = Field(0.99, ge=0, lt=1, description="decay of the averaged weights a step; 0 = none")
    augmentation: Literal["full", "flip-blur"] = Field(
        "full",
        description="full: mirror, scale, crop, colour; flip-blur: mirror and Gaussian blur, each of every other image "
        "(interactive has views instead: full leaves them as they are, flip-blur takes plain, flip and blur)",
    )
    crop: tuple[int, int] | None = Field(
        None,
        description="what a step sees of an image at the model's scale (height, width), pixels, with augmentation full "
        "(finetune); null = model.size",
    )
    views: tuple[str, ...] = Field(
        ("plain", "flip"), min_length=1, description="cached views of an image (interactive): plain, flip, blur"
    )
    weights_by_provenance: dict[str, float] = Field(
        {"person": 1.0, "simulated": 1.0, "extended": 0.5, "machine": 0.5},
        description="loss weight of a labelled pixel by where its label comes from",
    )
    precision: Literal["float32", "bf16", "mixed", "auto"] = Field(
        "auto", description="autocast: none, everything, decoder only, or chosen by device and rhythm"
    )
    checkpoint_steps: int = Field(100, gt=0, description="steps between checkpoints inside a training")

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_the_rhythm(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("rhythm") == "finetune":
            return {"lr": 3e-3, **values}
        if isinstance(values, dict) and values.get("augmentation") == "flip-blur":
            return {"views": FLIP_BLUR, **values}
        return values

    @model_validator(mode="after")
    def _one_length(self) -> TrainConfig:
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("give either train.steps or train.epochs, the other null")
        if self.restart == "random" and self.rhythm == "interactive":
            raise ValueError("restart: random needs rhythm: finetune (interactive keeps the pretrained encoder)")
        if self.crop is not None and (self.rhythm, self.augmentation) != ("finetune", "full"):
            raise ValueError("crop: needs rhythm: finetune and augmentation: full, which alone crop")
        if (self.rhythm, self.augmentation) == ("interactive", "flip-blur") and set(self.views) != set(FLIP_BLUR):
            raise ValueError(
                f"augmentation: flip-blur in the interactive rhythm means views: {list(FLIP_BLUR)}, found "
                f"{list(self.views)}; leave one of the two out"
            )
        return self


class BudgetConfig(Params):
    """What may be spent, and when to stop."""

    unit: Unit = Field(Unit.CLICKS, description="clicks, pixels, image-equivalents, pool-share, images or seconds")
    initial: float = Field(150, ge=0, description="budget of round 0, in the unit")
    per_round: float = Field(150, ge=0, description="budget of each later round, in the unit")
    total: float | None = Field(None, gt=0, description="stop when this much is spent in all, in the unit")
    target_miou: float | None = Field(
        None, gt=0, le=1, description="stop at this mIoU on the evaluation images; without any, on the audit set"
    )


class AuditSetConfig(Params):
    """Images to measure on that are never asked about to learn from."""

    images: int = Field(
        0, ge=0, description="images drawn by chance from the pool, labelled whole and measured on, never learnt from"
    )


class CacheConfig(Params):
    """Features, superpixels and files from object storage, kept between rounds and runs."""

    dir: Path | None = Field(None, description="folder; default: $SEGLENS_CACHE or the user's cache folder")
    max_gib: float = Field(8.0, gt=0, description="largest feature cache that is started, GiB")
    objects_gib: float = Field(
        8.0, ge=0, description="what is kept of files read from object storage, at most, GiB; 0 = nothing"
    )


class StoreConfig(Params):
    """Where a run's database is."""

    url: str | None = Field(
        None,
        description="PostgreSQL database of this run alone, postgresql://USER@HOST/DATABASE (extra postgres; its "
        "password in PGPASSWORD or ~/.pgpass); null = SQLite in the run's folder",
    )


class Choices(Params):
    """The seven choices: what a preset names."""

    narrow: tuple[PartConfig, ...] = Field((), description="which images are worth a look, in order")
    score: PartConfig = Field(PartConfig(name="random"), description="how much would this pixel teach")
    depth: PartConfig = Field(PartConfig(name="ground"), description="how near is a pixel, for parts that ask")
    cut: PartConfig = Field(PartConfig(name="superpixel"), description="what is one question")
    answer: AnswerKind = Field(AnswerKind.DOMINANT_CLASS, description="what a person says about it")
    pick: PartConfig = Field(PartConfig(name="top"), description="which of them, within the budget")
    start: PartConfig = Field(
        PartConfig(name="spread-images"), description="pick of the rounds before there is a model, such as round 0"
    )
    ask: PartConfig = Field(PartConfig(name="simulated"), description="who answers")
    settle: PartConfig = Field(PartConfig(name="as-answered"), description="what becomes a label")
    companions: tuple[PartConfig, ...] = Field((), description="what trains beside the model")


class RunConfig(Choices):
    """A whole run, resolved: what ``config.yaml`` in a run's folder holds."""

    seed: int = Field(0, ge=0, description="seed of everything drawn by chance")
    rounds: int = Field(4, gt=0, description="rounds, counted with round 0")
    preset: str = Field("default", description="preset that the choices started from")
    data: PartConfig = Field(PartConfig(name="streets"), description="the pool")
    eval_data: PartConfig | None = Field(None, description="labelled images to measure on; null = none")
    audit_set: AuditSetConfig = Field(default_factory=AuditSetConfig, description="what is measured on alone")
    model: ModelConfig = Field(default_factory=ModelConfig, description="the network")
    train: TrainConfig = Field(default_factory=TrainConfig, description="the recipe")
    budget: BudgetConfig = Field(default_factory=BudgetConfig, description="what may be spent")
    engine: PartConfig = Field(PartConfig(name="local"), description="where the stream runs")
    cache: CacheConfig = Field(default_factory=CacheConfig, description="what is kept between rounds and runs")
    store: StoreConfig = Field(default_factory=StoreConfig, description="where the run's database is")
    chunk: int = Field(8, gt=0, description="images a chunk: the unit of scoring, batching and resume")
    threads: int | None = Field(None, gt=0, description="torch threads; null = all cores")
    devices: int = Field(
        1, gt=0, description="processes on a machine that share each training step: one an accelerator, or on the CPU"
    )
    nodes: int = Field(1, gt=0, description="machines with so many devices each (started by torchrun)")
    full_miou: float | None = Field(None, description="mIoU of full supervision, drawn as a line in the report")
    labels_of: str | None = Field(
        None, description="digest of the run whose labels are trained on (written by seglens retrain); null = its own"
    )

    @model_validator(mode="after")
    def _whole_images(self) -> RunConfig:
        if self.budget.unit is Unit.IMAGES and self.cut.name != "image":
            raise ValueError(f"budget.unit: images needs cut: image, found cut: {self.cut.name}")
        return self

    def digest(self) -> str:
        """A short digest of what decides a run's result, the same on every machine.

        Cache, store, threads, engine, devices and the line drawn in the report are left out; of a path only the last
        name counts. What stands at its default is left out too, so that a new key leaves old digests as they are
        (docs/decisions/007).
        """
        left_out = {"cache", "store", "threads", "engine", "devices", "nodes", "full_miou"}
        plain = self.model_dump(mode="json", exclude=left_out, exclude_defaults=True)
        if DEFAULTS:
            plain["defaults"] = DEFAULTS
        return hashlib.sha256(json.dumps(_without_folders(plain), sort_keys=True).encode()).hexdigest()[:12]

    def dump(self) -> str:
        """YAML text that loads back to an equal config."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)


def _without_folders(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_folders(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_without_folders(below) for below in value]
    return PurePath(value).name if isinstance(value, str) and "/" in value else value


def describe(error: ValidationError, model: type[BaseModel], where: str) -> str:
    """One line for the first problem of a validation error: key, what was found, what is allowed."""
    problem = error.errors()[0]
    key = ".".join(str(part) for part in problem["loc"]) or "(value)"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if problem["type"] == "extra_forbidden":
        names = _fields_at(model, problem["loc"][:-1])
        near = get_close_matches(str(problem["loc"][-1]), names, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else "."
        allowed = ", ".join(names) or "no key at all"
        return f"{where}: unknown key '{key}'{hint} Allowed: {allowed}{more}"
    found = "" if problem["type"] == "missing" else f", found {problem['input']!r}"
    return f"{where}: key '{key}'{found}: {problem['msg']}{more}"


def _fields_at(model: type[BaseModel], loc: Sequence[int | str]) -> list[str]:
    for part in loc:
        field = model.model_fields.get(str(part))
        if field is None or not isinstance(field.annotation, type) or not issubclass(field.annotation, BaseModel):
            return []
        model = field.annotation
    return sorted(model.model_fields)


class Text(Protocol):
    """A file, wherever it lies."""

    def read_text(self, encoding: str) -> str:
        """The whole file."""
        ...


def read_yaml(path: Text) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        SeglensError: missing, not YAML, or no mapping.
    """
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SeglensError(f"{path}: no such file") from None
    except (yaml.YAMLError, UnicodeDecodeError, IsADirectoryError) as error:
        raise SeglensError(f"{path}: not a YAML file: {' '.join(str(error).split())}") from None
    if not isinstance(loaded, dict):
        raise SeglensError(f"{path}: expected a mapping of keys, found {type(loaded).__name__}")
    return loaded


def assign(values: dict[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """``values`` with ``a.b=c`` settings put in; ``c`` is read as YAML. The input is not changed.

    Example:
        >>> assign({"train": {"steps": 300}}, ["train.steps=120", "cut=grid"])
        {'train': {'steps': 120}, 'cut': 'grid'}
    """
    result: dict[str, Any] = json.loads(json.dumps(values, default=str))
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals or not path.strip():
            raise SeglensError(f"--set {setting!r}: expected key=value, for example train.steps=120")
        *parents, last = path.strip().split(".")
        place = result
        for parent in parents:
            below = place.get(parent)
            if isinstance(below, str):  # a part given by its bare name
                below = {"name": below}
            if below is not None and not isinstance(below, dict):
                raise SeglensError(f"--set {setting!r}: '{parent}' holds a {type(below).__name__}, which has no keys")
            place[parent] = dict(below or {})
            place = place[parent]
        try:
            place[last] = yaml.safe_load(text)
        except yaml.YAMLError:
            raise SeglensError(f"--set {setting!r}: the value is not YAML") from None
    return result


def resolve(values: Mapping[str, Any], preset: Mapping[str, Any], where: str) -> RunConfig:
    """The run's config: ``preset`` gives the choices, ``values`` override them.

    Args:
        values: what the user wrote.
        preset: the seven choices of the preset it names.
        where: what to call the source in errors, usually a file name.

    A part given without its name changes the one that stands there: ``{cut: {segments: 512}}`` keeps the preset's cut.

    Raises:
        SeglensError: an unknown key or a bad value.

    Example:
        >>> resolve({"cut": {"segments": 512}}, {"cut": {"name": "superpixel", "compactness": 5}}, "x").cut.params()
        {'compactness': 5, 'segments': 512}
    """
    merged = {**preset, **values}
    for key, field in RunConfig.model_fields.items():
        given = values.get(key)
        if field.annotation in (PartConfig, PartConfig | None) and isinstance(given, Mapping) and "name" not in given:
            below = preset.get(key, field.default)
            below = below.model_dump() if isinstance(below, PartConfig) else below
            below = {"name": below} if isinstance(below, str) else below
            merged[key] = {**(below or {}), **given}
    try:
        return RunConfig(**merged)
    except ValidationError as error:
        raise SeglensError(describe(error, RunConfig, where)) from None
