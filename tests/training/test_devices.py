"""Steps that two processes share, against one process."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn

from seglens.training.devices import Devices, SharedNorm, shared
from seglens.types import SeglensError


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 5, 1), BatchNormAct2d(5), nn.Conv2d(5, 2, 1)
    ).double()


def images(count: int) -> Tensor:
    return torch.randn(count, 3, 6, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def loss_of(logits: Tensor) -> Tensor:
    """No mean over images: the loss of a batch is not that of its parts."""
    return (logits.flatten(1).logsumexp(0).square().sum() + logits[0].square().sum()) / logits.std()


def together(rank: int, world: int, port: int, count: int, folder: str) -> None:
    """In a process of its own: two steps, shared."""
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=world)
    model: Any = net()
    kinds = [type(module) for module in model]
    devices = Devices(rank, world)
    with shared(devices, model):
        assert isinstance(model[1], SharedNorm)
        for _ in range(2):
            model.zero_grad()
            logits = devices.whole(model(images(count)[devices.share(count)]), count)
            loss_of(logits).backward()
            devices.add_up(model)
    assert [type(module) for module in model] == kinds
    found = {"logits": logits.detach()} | {f"grad {name}": p.grad for name, p in model.named_parameters()}
    torch.save(found | dict(model.state_dict()), Path(folder) / f"{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.parametrize("count", [4, 5])
def test_logits_gradients_and_statistics_are_those_of_one_process(count: int, tmp_path: Path) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    command = [sys.executable, __file__, "2", str(port), str(count), str(tmp_path)]
    ranks = [subprocess.Popen([*command, str(rank)]) for rank in range(2)]
    assert [process.wait(120) for process in ranks] == [0, 0]
    alone = net()
    for _ in range(2):
        alone.zero_grad()
        logits = alone(images(count))
        loss_of(logits).backward()
    expected = {"logits": logits.detach()} | {f"grad {name}": p.grad for name, p in alone.named_parameters()}
    expected |= dict(alone.state_dict())
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt")
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-5, msg=name)


def test_shares_are_a_partition_and_too_few_images_are_refused() -> None:
    for world in (1, 2, 3):
        for count in range(world, 8):
            seen = [n for rank in range(world) for n in range(count)[Devices(rank, world).share(count)]]
            assert seen == list(range(count))
    with pytest.raises(SeglensError, match=r"devices: 3 processes cannot share 2 images"):
        Devices(0, 3).share(2)


if __name__ == "__main__":
    of, port, count = (int(word) for word in sys.argv[1:4])
    together(int(sys.argv[5]), of, port, count, sys.argv[4])
