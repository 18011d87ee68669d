import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as transforms

from seglens.models.views import VIEWS, blur, view_of
from seglens.types import SeglensError


@pytest.mark.parametrize("name", sorted(VIEWS))
@pytest.mark.parametrize("size", [(20, 30), (40, 60), (13, 17)])
def test_image_and_label_stay_together(name: str, size: tuple[int, int]) -> None:
    # the label is a smooth picture itself: seen as image and as label it must be nearly the same
    ramp = torch.linspace(0, 120, 40)[:, None] + torch.linspace(0, 120, 60)[None, :]
    image = VIEWS[name].image(ramp.expand(3, 40, 60), size)[0]
    label = VIEWS[name].label(ramp, size)
    assert image.shape == label.shape == size
    step = 120 / 39 * 40 / size[0] + 120 / 59 * 60 / size[1]
    if name == "blur":
        step *= 1.5  # a ramp bends where the edge mirrors it
    assert float((image - label).abs().max()) <= step


def test_label_invents_no_value_and_equals_torchvision() -> None:
    label = torch.randint(0, 256, (45, 70), dtype=torch.uint8)
    mine = VIEWS["plain"].label(label, (20, 33))
    theirs = transforms.resize(label[None], [20, 33], InterpolationMode.NEAREST_EXACT)[0]
    assert torch.equal(mine, theirs)


def test_all_views_differ_and_flips_are_mirrors() -> None:
    image = torch.rand(3, 40, 60)
    seen = {name: view.image(image, (40, 60)) for name, view in VIEWS.items()}
    for a in seen:
        for b in seen:
            assert a == b or not torch.equal(seen[a], seen[b])
    assert torch.equal(seen["flip"].flip(-1), seen["plain"])


@pytest.mark.parametrize("sigma", [0.1, 0.8, 2.0])
def test_blur_is_scipys(sigma: float) -> None:
    image = torch.rand(3, 24, 31, generator=torch.Generator().manual_seed(1))
    wanted = [gaussian_filter(channel, sigma, mode="mirror", truncate=np.ceil(3 * sigma) / sigma) for channel in image]
    torch.testing.assert_close(blur(image, sigma), torch.from_numpy(np.stack(wanted)), atol=1e-5, rtol=0)
    assert blur(torch.full((3, 2, 40), 7, dtype=torch.uint8), sigma).eq(7).all()  # narrower than the Gaussian


def test_unknown_view() -> None:
    with pytest.raises(SeglensError, match=r"unknown view 'flop'. Allowed: blur, flip, plain"):
        view_of("flop")
