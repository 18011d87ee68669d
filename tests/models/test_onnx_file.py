"""Networks as ONNX files, run by onnxruntime."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import onnx
import onnxruntime
import pytest
import torch

from seglens.models import SegNet, export_onnx
from seglens.types import Chance, SeglensError


def pictures(count: int, size: tuple[int, int]) -> torch.Tensor:
    return torch.from_numpy(Chance(("pictures",)).numpy().random((count, 3, *size), dtype="float32"))


@pytest.mark.parametrize("name", ["fpn", "unet", "deeplabv3plus"])
@pytest.mark.parametrize("size", [(40, 60), (33, 47)])
def test_any_number_of_images_gives_what_pytorch_does(
    tiny: Callable[..., SegNet], tmp_path: Path, name: str, size: tuple[int, int]
) -> None:
    net = tiny(name=name)
    path = tmp_path / "net.onnx"
    told = export_onnx(net, path, pictures(1, size))
    assert (told.images, told.bytes, told.same_class) == (1, path.stat().st_size, 1.0)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for count in (1, 3):
        images = pictures(count, size)
        (found,) = session.run(["logits"], {"images": images.numpy()})
        with torch.no_grad():
            torch.testing.assert_close(torch.from_numpy(found), net(images), atol=1e-5, rtol=1e-5)


def test_the_file_says_what_its_logits_are_of(tiny: Callable[..., SegNet], tmp_path: Path) -> None:
    export_onnx(tiny(), tmp_path / "net.onnx", pictures(2, (40, 60)))
    model = onnx.load(tmp_path / "net.onnx")
    onnx.checker.check_model(model, full_check=True)
    told = {entry.key: json.loads(entry.value) for entry in model.metadata_props if entry.key.startswith("seglens.")}
    assert told["seglens.classes"] == ["sky", "road", "car"]
    assert told["seglens.colors"] == [[0, 0, 255], [90, 90, 90], [255, 0, 0]]
    assert told["seglens.size"] == [40, 60]
    assert b".py" not in (tmp_path / "net.onnx").read_bytes()  # the tracer tells paths of the machine


def test_a_file_that_gives_other_logits_is_not_written(tiny: Callable[..., SegNet], tmp_path: Path) -> None:
    net = tiny()
    with torch.no_grad():
        net.head[0].bias[1] = float("nan")
    with pytest.raises(SeglensError, match=r"net\.onnx: not written: onnxruntime's logits differ"):
        export_onnx(net, tmp_path / "net.onnx", pictures(1, (40, 60)))
    assert not list(tmp_path.iterdir())
