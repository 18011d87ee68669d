import numpy as np
import torch
from PIL import Image

from seglens.models import load_image
from seglens.models.images import to_input
from seglens.models.views import VIEWS


def test_is_antialiased_like_pillow() -> None:
    image = np.random.default_rng(0).integers(0, 256, (90, 140, 3), dtype=np.uint8)
    ours = to_input(image, (45, 70))
    pillow = np.array(Image.fromarray(image).resize((70, 45), Image.Resampling.BILINEAR))
    assert ours.shape == (3, 45, 70)
    assert ours.dtype == torch.float32
    assert np.abs(ours.permute(1, 2, 0).numpy() * 255 - pillow).max() <= 1.01


def test_same_size_is_untouched(pictures) -> None:
    id = pictures.ids[0]
    wanted = torch.from_numpy(pictures.image(id)).permute(2, 0, 1) / 255
    assert torch.equal(load_image(pictures, id, (45, 70)), wanted)
    assert torch.equal(load_image(pictures, id, (45, 70), VIEWS["flip"]), wanted.flip(-1))
