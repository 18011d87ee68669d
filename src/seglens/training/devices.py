"""Several processes that share every step of a training and end with what one process would have, up to float order.

Every process makes the whole batch, sends its own share of the images through the network and gets the others' logits:
each then computes the loss of the whole batch, whatever its form, and the gradient of its own share. The shares'
gradients are added up. Batch norms take their statistics over all shares.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional

from seglens.types import SeglensError


class Devices:
    """The processes of a training, and which of them this is.

    Args:
        rank: of this process, from 0.
        world: how many there are.
    """

    def __init__(self, rank: int = 0, world: int = 1) -> None:
        self.rank, self.world = rank, world

    def share(self, count: int) -> slice:
        """This process's share of so many images, a run of them; shares differ by one at most.

        Raises:
            SeglensError: fewer images than processes.

        Example:
            >>> [Devices(rank, 2).share(5) for rank in (0, 1)]
            [slice(0, 3, None), slice(3, 5, None)]
        """
        if count < self.world:
            raise SeglensError(f"devices: {self.world} processes cannot share {count} images; show more in a step")
        begins = [sum(self._counts(count)[:rank]) for rank in range(self.world + 1)]
        return slice(begins[self.rank], begins[self.rank + 1])

    def _counts(self, count: int) -> list[int]:
        return [count // self.world + (rank < count % self.world) for rank in range(self.world)]

    def whole(self, share: Tensor, count: int) -> Tensor:
        """The shares of all processes as one tensor; a gradient goes back into this process's own.

        Args:
            share: (n, ...) what this process has of ``count`` images.
            count: images in all, N.

        Returns:
            (N, ...), equal in every process.
        """
        if self.world == 1:
            return share
        counts = self._counts(count)
        mine = share.detach().contiguous()
        padded = functional.pad(mine, (0, 0) * (mine.ndim - 1) + (0, counts[0] - len(mine)))
        parts = [torch.empty_like(padded) for _ in counts]
        dist.all_gather(parts, padded)
        cut = [part[:n] for part, n in zip(parts, counts, strict=True)]
        return torch.cat([*cut[: self.rank], share, *cut[self.rank + 1 :]])

    def agree(self, mine: object, what: str) -> None:
        """See that all processes have the same; on several machines a shared folder may show an older state.

        Raises:
            SeglensError: they have not.
        """
        if self.world == 1:
            return
        found: list[object] = [None] * self.world
        dist.all_gather_object(found, mine)
        if any(other != mine for other in found):
            raise SeglensError(f"devices: the processes do not see the same {what}: {found}; start them again")

    def add_up(self, net: nn.Module) -> None:
        """Add up the gradients of all processes, in each."""
        if self.world == 1:
            return
        gradients = [p.grad for p in net.parameters() if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        for gradient, added in zip(gradients, torch.split(flat, [g.numel() for g in gradients]), strict=True):
            gradient.copy_(added.view_as(gradient))


ALONE = Devices()
_SHARING: ContextVar[Devices] = ContextVar("sharing", default=ALONE)


def sharing() -> Devices:
    """The processes of the training that is under way; one outside of any."""
    return _SHARING.get()


@contextmanager
def shared(devices: Devices, net: nn.Module) -> Iterator[None]:
    """A training of ``net`` by ``devices``.

    Its batch norms take their statistics over all shares meanwhile.
    """
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)] if devices.world > 1 else []
    kinds = [type(norm) for norm in norms]
    token = _SHARING.set(devices)
    for norm in norms:
        norm.__class__ = type(f"Shared{type(norm).__name__}", (SharedNorm, type(norm)), {})
    try:
        yield
    finally:
        for norm, kind in zip(norms, kinds, strict=True):
            norm.__class__ = kind
        _SHARING.reset(token)


class Added(torch.autograd.Function):
    """A sum over all processes; what comes back to it is added up alike."""

    @staticmethod
    def forward(_context: Any, mine: Tensor) -> Tensor:
        """The sum."""
        mine = mine.clone()
        dist.all_reduce(mine)
        return mine

    @staticmethod
    def backward(_context: Any, gradient: Tensor) -> Tensor:
        """The sum of the gradients."""
        gradient = gradient.clone()
        dist.all_reduce(gradient)
        return gradient


_added: Any = Added.apply


class SharedNorm(nn.BatchNorm2d):
    """A batch norm whose statistics in training are those of all processes' images.

    Unlike ``nn.SyncBatchNorm`` it works on processors too, and with the norms of timm that end in an activation.

    Reference:
        Ioffe and Szegedy, ICML 2015, algorithm 1.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) normalised."""
        if not self.training:
            return super().forward(x)
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        count = wide.new_tensor([x.numel() // x.shape[1]])
        sums: Tensor = _added(torch.cat([wide.sum((0, 2, 3)), count]))
        mean = sums[:-1] / sums[-1]
        squares: Tensor = _added((wide - mean[:, None, None]).square().sum((0, 2, 3)))
        variance = squares / sums[-1]
        self._keep(mean.detach(), squares.detach() / (sums[-1] - 1).clamp_min(1))
        scale = (variance + self.eps).rsqrt()
        scale, shift = (scale, -mean * scale) if self.weight is None else self._affine(mean, scale)
        out = (wide * scale[:, None, None] + shift[:, None, None]).to(x.dtype)
        for name in ("drop", "act"):  # of timm's
            out = getattr(self, name, nn.Identity())(out)
        return out

    def _affine(self, mean: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        scale = scale * self.weight
        return scale, self.bias - mean * scale

    def _keep(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)
