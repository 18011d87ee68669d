"""Several opinions instead of one: what a committee of networks says of the same images, one member at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional

from seglens.config import ModelConfig
from seglens.models.network import Features, SegNet, build_network
from seglens.registry import judges
from seglens.types import Chance, ClassTable


@runtime_checkable
class Committee(Protocol):
    """Members that each predict the whole image. ``count`` of them; ``whole``: each encodes the images itself."""

    count: int
    whole: bool

    def opinions(self, net: SegNet, features: Callable[[SegNet], Features]) -> Iterator[Tensor]:
        """Of each member the logits (N, C, H / s, W / s) at the decoder's stride, padding included.

        Args:
            net: the network that the committee was trained beside, or its average.
            features: gives the images' features by a network's encoder.
        """
        ...


class Absent(nn.Module):
    """Stands where a member would have an encoder of its own: it reads what the main network's encoder gives."""

    def __init__(self, out_channels: Sequence[int], output_stride: int) -> None:
        super().__init__()
        self.out_channels, self.output_stride = tuple(out_channels), output_stride


@judges.register("snapshots")
class Snapshots(nn.Module):
    """The same network at several steps of one training.

    Where the encoder was fixed, members hold decoder and head alone and share the main network's encoder.

    Args:
        model: values of the network's ``ModelConfig``.
        names: of the classes.
        colors: of the classes.
        count: members.
        whole: whether each has an encoder of its own.
    """

    kind: ClassVar[str] = "snapshots"

    def __init__(
        self,
        model: Mapping[str, Any],
        names: Sequence[str],
        colors: Sequence[Sequence[int]],
        count: int,
        whole: bool,
    ) -> None:
        super().__init__()
        self.spec: dict[str, Any] = {"model": dict(model), "names": list(names), "count": count, "whole": whole}
        self.spec["colors"] = [list(color) for color in colors]
        self.count, self.whole = count, whole
        classes = ClassTable(tuple(names), tuple((r, g, b) for r, g, b in colors))
        config = ModelConfig(**{**model, "weights": "random"})
        self.seats = nn.ModuleList(self._seat(config, classes) for _ in range(count))

    @classmethod
    def of(cls, net: SegNet, count: int) -> Snapshots:
        """Empty seats for snapshots of ``net``, whole ones unless its encoder is frozen."""
        classes = net.classes
        return cls(net.config.model_dump(mode="json"), classes.names, classes.colors, count, not net.frozen)

    def _seat(self, config: ModelConfig, classes: ClassTable) -> SegNet:
        net = build_network(config, classes, Chance((0, self.kind)))
        if not self.whole:
            net.encoder = Absent(net.encoder.out_channels, net.stride)
        return net

    def opinions(self, net: SegNet, features: Callable[[SegNet], Features]) -> Iterator[Tensor]:
        """See ``Committee``."""
        for seat in self.seats:
            assert isinstance(seat, SegNet)
            yield seat.coarse(features(seat if self.whole else net))


@judges.register("heads")
class Heads(nn.Module):
    """Several heads on the trunk of one network: the trunk is computed once.

    Args:
        channels: of the trunk.
        classes: number of classes.
        count: members.
        kernel: height and width of each head's convolution, odd.

    Example:
        >>> tuple(Heads(8, 3, count=4, kernel=1)(torch.zeros(2, 8, 5, 6)).shape)
        (2, 4, 3, 5, 6)
    """

    kind: ClassVar[str] = "heads"
    whole: ClassVar[bool] = False

    def __init__(self, channels: int, classes: int, count: int, kernel: int) -> None:
        super().__init__()
        self.spec: dict[str, Any] = {"channels": channels, "classes": classes, "count": count, "kernel": kernel}
        self.count = count
        self.pad = kernel // 2
        self.weight = nn.Parameter(torch.empty(count, classes, channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(count, classes))
        for weight in self.weight:  # each as the network's own head begins
            nn.init.xavier_uniform_(weight)

    def forward(self, trunk: Tensor) -> Tensor:
        """(N, count, C, h, w) logits of all heads from the trunk (N, D, h, w)."""
        logits = functional.conv2d(trunk, self.weight.flatten(0, 1), self.bias.flatten(), padding=self.pad)
        return logits.view(len(trunk), *self.bias.shape, *trunk.shape[2:])

    def opinions(self, net: SegNet, features: Callable[[SegNet], Features]) -> Iterator[Tensor]:
        """See ``Committee``."""
        trunk = net.trunk(features(net))
        for weight, bias in zip(self.weight, self.bias, strict=True):
            yield functional.conv2d(trunk, weight, bias, padding=self.pad)
