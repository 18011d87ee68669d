from __future__ import annotations

import shutil
import sys
from types import SimpleNamespace

import pytest

from seglens.depth.loading import kind_of, load_depth_net
from seglens.types import SeglensError

NETS = ("midas", "hybrid", "swin", "dinov2", "anything")
RELATIVE = {"midas", "hybrid", "swin", "anything"}


@pytest.mark.parametrize("name", NETS)
def test_what_a_network_gives_is_told_from_its_architecture(net, name):
    loaded = load_depth_net(str(net(name)))
    assert loaded.kind == ("inverse" if name in RELATIVE else "metres")
    assert load_depth_net(str(net(name)), "metres").kind == "metres"
    assert not loaded.model.training
    assert not any(weight.requires_grad for weight in loaded.model.parameters())


def test_an_architecture_whose_sign_is_not_known():
    config = SimpleNamespace(model_type="depth_pro")
    with pytest.raises(SeglensError, match=r"'x/y' \(depth_pro\).*kind: metres or kind: inverse"):
        kind_of(config, "x/y")
    metric = SimpleNamespace(model_type="depth_anything", depth_estimation_type="metric")
    assert kind_of(metric, "x/y") == "metres"


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("config.json", "without config.json"),
        ("preprocessor_config.json", "without preprocessor_config.json"),
        ("model.safetensors", "without weights"),
    ],
)
def test_a_folder_that_lacks_a_file(net, tmp_path, missing, message):
    folder = tmp_path / "half"
    shutil.copytree(net("midas"), folder)
    (folder / missing).unlink()
    with pytest.raises(SeglensError, match=message) as error:
        load_depth_net(str(folder))
    assert str(folder) in str(error.value)


def test_truncated_weights(net, tmp_path):
    folder = tmp_path / "cut"
    shutil.copytree(net("midas"), folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(SeglensError, match="cannot be loaded"):
        load_depth_net(str(folder))


def test_weights_of_another_network(net, tmp_path):
    folder = tmp_path / "mixed"
    shutil.copytree(net("midas"), folder)
    shutil.copy(net("anything") / "model.safetensors", folder)
    with pytest.raises(SeglensError, match=r"weights .* do not fit"):
        load_depth_net(str(folder))


def test_a_model_that_is_no_depth_estimator(net, tmp_path):
    from transformers import ViTConfig, ViTForImageClassification

    small = ViTConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, image_size=32)
    ViTForImageClassification(small).save_pretrained(tmp_path)
    shutil.copy(net("midas") / "preprocessor_config.json", tmp_path)
    with pytest.raises(SeglensError, match=r"no depth estimator.*DPT \(MiDaS\)"):
        load_depth_net(str(tmp_path), "inverse")


@pytest.mark.parametrize("name", ["no/such/folder", "nowhere", "/absent", "./absent", "../absent"])
def test_neither_a_folder_nor_a_model_id(name):
    with pytest.raises(SeglensError, match=f"'{name}' is neither a folder nor a model id"):
        load_depth_net(name)


def test_a_hub_out_of_reach(monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(SeglensError, match=r"'seglens-tests/not-cached' cannot be had from the model hub.*folder"):
        load_depth_net("seglens-tests/not-cached")


def test_without_transformers(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(SeglensError, match=r"pip install 'seglens\[depth\]'"):
        load_depth_net("Intel/dpt-large")
