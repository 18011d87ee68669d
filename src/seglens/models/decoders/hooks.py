"""What a decoder lets others see and change on the way, and where it drops channels."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from torch import Tensor

from seglens.config import ModelConfig
from seglens.registry import networks
from seglens.types import SeglensError

Watch: TypeAlias = Callable[[str, Tensor], Tensor]
"""Called with the name and the activation of a decoder's layer; what it returns goes on through the decoder."""

Drop: TypeAlias = Callable[[str, Tensor], Tensor]
"""Called with the name of a place and the activation there; gives it back with channels dropped."""

Scale: TypeAlias = Callable[[str, int], Tensor]
"""Called with the name of a place and its channels D; gives the factors of the passes, (passes, N, D) float32: 0 for a
dropped channel, 1 / (1 - p) for a kept one."""


def unwatched(_name: str, activation: Tensor) -> Tensor:
    """The watch that changes nothing."""
    return activation


def undropped(_place: str, activation: Tensor) -> Tensor:
    """The drop that drops nothing."""
    return activation


def dropout_places(config: ModelConfig) -> tuple[str, ...]:
    """The places where ``config`` drops channels.

    Raises:
        SeglensError: the decoder has no such place, or there is no such decoder.
    """
    decoder = networks.get(config.name)
    known: dict[str, tuple[str, ...]] = decoder.places
    at = decoder.dropout_at if config.dropout_at == "default" else config.dropout_at
    if at not in known:
        raise SeglensError(
            f"model.dropout_at: found '{at}' with model.name: {config.name}. "
            f"Allowed with it: default, {', '.join(sorted(known))}"
        )
    return known[at]
