import pytest
import torch
from torch.nn import functional

from seglens.functional.doubling import doubled


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (3, 4), (7, 2)])
def test_equals_torch_forward_and_backward(size):
    x = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(1), requires_grad=True)
    wanted = functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=True)
    torch.testing.assert_close(doubled(x), wanted)
    pull = torch.rand_like(wanted)
    torch.testing.assert_close(*(torch.autograd.grad(out, x, pull)[0] for out in (doubled(x), wanted)))


def test_serves_training_after_inference():
    with torch.inference_mode():
        doubled(torch.rand(1, 1, 9, 9))
    doubled(torch.rand(1, 1, 9, 9, requires_grad=True)).sum().backward()
