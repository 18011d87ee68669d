from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from seglens.config import ModelConfig
from seglens.models import SegNet, build_network, load_checkpoint, save_checkpoint
from seglens.models.checkpoint import read_state, write_atomic
from seglens.types import Chance, ClassTable, SeglensError

Tiny = Callable[..., SegNet]


def test_round_trip_is_exact(tiny: Tiny, tmp_path: Path) -> None:
    net = tiny(seed=3).eval()
    save_checkpoint(net, tmp_path / "a" / "net.pt")
    back = load_checkpoint(tmp_path / "a" / "net.pt").eval()
    assert back.classes == net.classes
    assert back.config == net.config
    assert all(torch.equal(v, back.state_dict()[k]) for k, v in net.state_dict().items())
    x = torch.rand(1, 3, 40, 60)
    assert torch.equal(net(x), back(x))
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["net.pt"]


def test_another_class_list_carries_rows_over_by_name(tiny: Tiny, tmp_path: Path) -> None:
    net = tiny()
    save_checkpoint(net, tmp_path / "net.pt")
    other = ClassTable(("car", "tree", "sky"), ((0, 0, 0),) * 3)
    back = load_checkpoint(tmp_path / "net.pt", other, Chance((5,)))
    old, new = net.head[0].weight, back.head[0].weight
    assert torch.equal(new[0], old[2])
    assert torch.equal(new[2], old[0])
    assert not any(torch.equal(new[1], row) for row in old)
    assert torch.equal(new, load_checkpoint(tmp_path / "net.pt", other, Chance((5,))).head[0].weight)
    assert torch.equal(back.decoder.state_dict()["layers.p5.weight"], net.decoder.state_dict()["layers.p5.weight"])


def test_a_config_may_name_a_checkpoint_as_its_weights(tiny: Tiny, tmp_path: Path) -> None:
    net = tiny(seed=4)
    save_checkpoint(net, tmp_path / "net.pt")
    model = net.config.model_copy(update={"weights": str(tmp_path / "net.pt"), "dropout": 0.4})
    again = build_network(model, net.classes, Chance((9,)))
    assert again.dropout.p == 0.4
    assert all(torch.equal(v, again.state_dict()[k]) for k, v in net.state_dict().items())
    wide = model.model_copy(update={"width": 64})
    with pytest.raises(SeglensError, match=r"another architecture: model\.width is 64 in the config, 32"):
        build_network(wide, net.classes, Chance((9,)))


def test_upsampling_is_a_part_of_the_architecture(tiny: Tiny, tmp_path: Path) -> None:
    net, file = tiny(name="unet", upsampling="transposed").eval(), tmp_path / "net.pt"
    save_checkpoint(net, file)
    images = torch.rand(1, 3, 33, 60)
    assert torch.equal(load_checkpoint(file).eval()(images), net(images))
    model = net.config.model_copy(update={"weights": str(file)})
    assert torch.equal(build_network(model, net.classes, Chance((9,))).eval()(images), net(images))
    near = model.model_copy(update={"upsampling": "nearest"})
    with pytest.raises(SeglensError, match=r"model\.upsampling is 'nearest' in the config, 'transposed' in the check"):
        build_network(near, net.classes, Chance((9,)))


def test_a_checkpoint_older_than_a_key_has_its_default(tiny: Tiny, tmp_path: Path) -> None:
    net, file = tiny(), tmp_path / "net.pt"
    save_checkpoint(net, file)
    state = read_state(file, "seglens-model", 1)
    del state["model"]["upsampling"]
    write_atomic(state, file)
    assert load_checkpoint(file).config == net.config
    model = net.config.model_copy(update={"weights": str(file)})
    assert build_network(model, net.classes, Chance((9,))).config == model


def test_not_ours_truncated_newer(tiny: Tiny, tmp_path: Path) -> None:
    file = tmp_path / "net.pt"
    with pytest.raises(SeglensError, match="no such file"):
        load_checkpoint(file)
    torch.save({"weight": torch.zeros(2)}, file)
    with pytest.raises(SeglensError, match="not a seglens-model file"):
        load_checkpoint(file)
    file.write_text("hello")
    with pytest.raises(SeglensError, match="not a seglens-model file"):
        load_checkpoint(file)
    save_checkpoint(tiny(), file)
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(SeglensError, match="unreadable or truncated"):
        load_checkpoint(file)
    write_atomic({"format": "seglens-model", "version": 99}, file)
    with pytest.raises(SeglensError, match="version 99"):
        load_checkpoint(file)


def test_states_are_read_without_running_code(tmp_path: Path) -> None:
    torch.save({"format": "seglens-model", "version": 1, "model": ModelConfig()}, tmp_path / "bad.pt")
    with pytest.raises(SeglensError, match="not a seglens-model file"):
        read_state(tmp_path / "bad.pt", "seglens-model", 1)
