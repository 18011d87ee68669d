import numpy as np
import pytest
import torch
from PIL import Image

from seglens.config import PartConfig
from seglens.data import open_data
from seglens.data.streets import Streets
from seglens.data.subset import SubsetImages
from seglens.models import load_image
from seglens.models.images import to_input
from seglens.models.views import VIEWS
from seglens.types import SeglensError


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


def test_jpeg_files_come_in_at_little_more_than_the_size_that_is_needed(tmp_path) -> None:
    """And look as they do when they are decoded whole: by a few of 255 levels."""
    scene = Streets(Streets.Params(images=1, size=(192, 256)))
    Image.fromarray(scene.image(scene.ids[0])).save(tmp_path / "a.jpg", quality=95)
    data = open_data(PartConfig.model_validate({"name": "folder", "images": str(tmp_path)}))
    part = SubsetImages(data, data.ids, "all")
    small = [load_image(source, "a", (96, 128)) for source in (data, part)]
    assert part.image_for("a", (96, 128)).shape == (96, 128, 3)
    assert torch.equal(*small)
    with pytest.raises(SeglensError, match="not in none"):
        load_image(SubsetImages(data, [], "none"), "a", (96, 128))
    whole = to_input(data.image("a"), (96, 128))
    assert not torch.equal(small[0], whole)
    assert (small[0] - whole).abs().mean() < 3 / 255
