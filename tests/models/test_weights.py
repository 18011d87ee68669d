from pathlib import Path

import pytest
import skimage.data
import timm
import torch
from torchvision.transforms import v2

from seglens.models.weights import EMBEDDED, build_encoder, lite0_state
from seglens.types import SeglensError

ESPRESSO, CATS = 967, {281, 285}  # tabby, Egyptian cat

CROP = v2.Compose(
    [
        v2.ToImage(),
        v2.Resize(256),
        v2.CenterCrop(224),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize([0.5] * 3, [0.5] * 3),
    ]
)


def test_embedded_weights_know_the_sample_photos() -> None:
    net = timm.create_model("tf_efficientnet_lite0").eval()
    net.load_state_dict(lite0_state())
    photos = torch.stack([CROP(skimage.data.coffee()), CROP(skimage.data.chelsea())])
    with torch.no_grad():
        p = net(photos).softmax(1)
    assert int(p[0].argmax()) == ESPRESSO
    assert float(p[0, ESPRESSO]) == pytest.approx(0.957, abs=0.01)
    assert int(p[1].argmax()) in CATS
    assert float(p[1, list(CATS)].sum()) > 0.5


def test_the_encoder_computes_what_the_classifier_does() -> None:
    encoder, mean, std = build_encoder(EMBEDDED, "imagenet")
    full = timm.create_model("tf_efficientnet_lite0").eval()
    full.load_state_dict(lite0_state())
    x = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        wanted = full.blocks(full.bn1(full.conv_stem(x)))
        torch.testing.assert_close(encoder.eval()(x)[-1], wanted)
    assert (mean, std) == ((0.5,) * 3, (0.5,) * 3)


def test_a_file_that_does_not_fit(tmp_path: Path) -> None:
    file = tmp_path / "other.pth"
    torch.save({"a": torch.zeros(3)}, file)
    with pytest.raises(SeglensError, match=r"other\.pth: its 1 tensors do not fit"):
        lite0_state(file)
