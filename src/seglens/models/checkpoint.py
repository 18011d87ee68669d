"""Our own checkpoints: weights, what they were built from, and the classes they speak of."""

from __future__ import annotations

import io
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, cast

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from seglens.config import ModelConfig
from seglens.files import write_bytes
from seglens.models.network import SegNet, build_network
from seglens.registry import judges
from seglens.types import Chance, ClassTable, SeglensError

FORMAT = "seglens-model"
MEMBER = "seglens-companion"
VERSION = 1


def write_atomic(state: dict[str, Any], path: Path) -> None:
    """Save ``state`` with torch under a temporary name, flush it to disk, then rename.

    Raises:
        SeglensError: the file cannot be written (no space).
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_bytes(path, buffer.getvalue())


def read_state(path: Path, kind: str, version: int, also: str = "") -> dict[str, Any]:
    """What ``write_atomic`` saved, checked to be of a kind (or ``also`` of another) and of a version.

    Raises:
        SeglensError: missing, not such a file, or from a newer version.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise SeglensError(f"{path}: no such file") from None
    except (UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError):
        raise SeglensError(f"{path}: not a {kind} file of seglens (unreadable or truncated)") from None
    if not isinstance(state, dict) or state.get("format") not in (kind, also):
        raise SeglensError(f"{path}: not a {kind} file of seglens")
    if state["version"] > version:
        raise SeglensError(f"{path}: format version {state['version']}, this seglens reads up to {version}")
    return state


def save_checkpoint(net: SegNet, path: Path) -> None:
    """Write a network's weights, configuration and classes, atomically."""
    state = {
        "format": FORMAT,
        "version": VERSION,
        "model": net.config.model_dump(mode="json"),
        "classes": list(net.classes.names),
        "colors": [list(color) for color in net.classes.colors],
        "weights": {key: value.detach().cpu() for key, value in net.state_dict().items()},
    }
    write_atomic(state, path)


def save_member(net: nn.Module, path: Path) -> None:
    """Write a network that a companion left behind: a SegNet as a checkpoint, another with what it is built from.

    Another network is a class registered in ``seglens.registry.judges``, whose ``spec`` is the plain values that its
    constructor takes and whose ``kind`` is its name there.
    """
    if isinstance(net, SegNet):
        return save_checkpoint(net, path)
    weights = {key: value.detach().cpu() for key, value in net.state_dict().items()}
    judge = cast(Any, net)
    state = {"format": MEMBER, "version": VERSION, "kind": judge.kind, "spec": dict(judge.spec), "weights": weights}
    write_atomic(state, path)


def load_member(path: Path) -> nn.Module:
    """A network as ``save_member`` left it.

    Raises:
        SeglensError: not ours, from a newer version, or damaged.
    """
    state = read_state(path, FORMAT, VERSION, also=MEMBER)
    if state["format"] == FORMAT:
        return load_checkpoint(path)
    net: nn.Module = judges.get(state["kind"])(**state["spec"])
    net.load_state_dict(state["weights"])
    return net


def load_checkpoint(path: Path, classes: ClassTable | None = None, chance: Chance | None = None) -> SegNet:
    """A network as it was saved.

    Args:
        path: a file of ``save_checkpoint``.
        classes: another class list: the head's rows are carried over by name, new ones drawn; None = as saved.
        chance: of the rows that are drawn.

    Raises:
        SeglensError: not ours, from a newer version, or damaged.
    """
    state = read_state(path, FORMAT, VERSION)
    return _restore(path, state, _built_from(path, state), classes, chance)


def start_from(path: Path, model: ModelConfig, classes: ClassTable, chance: Chance) -> SegNet:
    """A network built as ``model`` says, with the weights of a checkpoint.

    Raises:
        SeglensError: the checkpoint holds another architecture.
    """
    state = read_state(path, FORMAT, VERSION)
    saved = _built_from(path, state)
    for key in ("name", "encoder", "width", "upsampling"):
        if getattr(saved, key) != getattr(model, key):
            raise SeglensError(
                f"{path}: another architecture: model.{key} is {getattr(model, key)!r} in the config, "
                f"{getattr(saved, key)!r} in the checkpoint"
            )
    return _restore(path, state, model, classes, chance)


def _built_from(path: Path, state: dict[str, Any]) -> ModelConfig:
    """What a checkpoint's network was built from; keys that are younger than it have their defaults."""
    try:
        return ModelConfig(**state["model"])
    except ValidationError as error:
        raise SeglensError(f"{path}: its model configuration is not understood ({error.errors()[0]['msg']})") from None


def _restore(
    path: Path, state: dict[str, Any], model: ModelConfig, classes: ClassTable | None, chance: Chance | None
) -> SegNet:
    saved = ClassTable(tuple(state["classes"]), tuple((r, g, b) for r, g, b in state["colors"]))
    classes = classes or saved
    net = build_network(model.model_copy(update={"weights": "random"}), classes, chance or Chance((0, "head")))
    net.config = model
    weights: dict[str, Tensor] = dict(state["weights"])
    if classes.names != saved.names:
        _carry_head(weights, net, saved.names)
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        raise SeglensError(f"{path}: its weights do not fit ({' '.join(str(error).split())[:300]})") from None
    return net


def _carry_head(weights: dict[str, Tensor], net: SegNet, saved: tuple[str, ...]) -> None:
    """Replace the head's rows in ``weights``: those of a known class name are kept, the others are the new net's."""
    for key, fresh in net.state_dict().items():
        if not key.startswith("head."):
            continue
        rows = fresh.clone()
        for i, name in enumerate(net.classes.names):
            if name in saved:
                rows[i] = weights[key][saved.index(name)]
        weights[key] = rows
