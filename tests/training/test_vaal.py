"""VAAL and TA-VAAL beside a training: what they learn, what they leave alone, what a kill costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from seglens.config import PartConfig, TrainConfig
from seglens.models import FeatureCache, SegNet, TaVaalNet, VaalNet, load_image
from seglens.models.stages import STAGES, STAGES_TAP
from seglens.models.vae import SMALL
from seglens.protocols import Companion, PartContext
from seglens.registry import companions
from seglens.training import TrainSource, train
from seglens.training.companions.adversary import Adversary, Board, GameParams, autoencoder_loss
from seglens.training.companions.vaal import Vaal, VaalParams
from seglens.types import ByteArray, Chance, ClassTable, ImageId, Item, ModelSet, Provenance, SeglensError, Settled

CHANCE = Chance((0, 1, "train"))
SIZE = (32, 64)
NAMES = ["vaal", "ta-vaal"]
SMALL_GAME = {"batch": 3, "latent": 4, "width": 8}


@pytest.fixture(autouse=True)
def _staged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny encoder of the tests has five stages."""
    widths = (16, 24, 32, 48, 64)
    monkeypatch.setitem(STAGES, "tu-test_efficientnet", {f"model.blocks.{i}": w for i, w in enumerate(widths)})


def built(name: str, **params: object) -> Vaal:
    part: Vaal = companions.build(PartConfig.model_validate({"name": name, **params}), None)
    return part


def settings(rhythm: str = "interactive", **change: object) -> TrainConfig:
    return TrainConfig.model_validate(
        {"rhythm": rhythm, "steps": 8, "batch": 4, "checkpoint_steps": 3, "ema": 0.0, **change}
    )


@pytest.fixture
def half(blocks, tmp_path: Path) -> Callable[[SegNet, TrainConfig], TrainSource]:
    """Six of ten pictures are labelled; the cache holds stages."""

    def build(net: SegNet, config: TrainConfig) -> TrainSource:
        cache = None
        if config.rhythm == "interactive":
            cache = FeatureCache(tmp_path / "cache", blocks, net, SIZE, config.views, 1.0, stages=True)
        return TrainSource(blocks, blocks.ids[:6], blocks.settled, cache, blocks.ids)

    return build


def trained(parts: Sequence[Companion], net: SegNet, source: TrainSource, config: TrainConfig, **more) -> ModelSet:
    return train(net, source, config, CHANCE, companions=parts, **more)


def differing(a: nn.Module, b: nn.Module) -> list[str]:
    one, two = a.state_dict(), b.state_dict()
    assert one.keys() == two.keys()
    return [key for key in one if not torch.equal(one[key], two[key])]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rhythm", ["interactive", "finetune"])
def test_the_training_is_the_same_without_it(tiny, half, name: str, rhythm: str) -> None:
    config = settings(rhythm)
    alone, beside = tiny(), tiny()
    one = trained([], alone, half(alone, config), config)
    two = trained([built(name, **SMALL_GAME)], beside, half(beside, config), config)
    assert differing(one.main, two.main) == []
    assert list(two.members) == [name]
    assert one.members == {}
    assert not two.members[name].training


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("rhythm", "killed_at"), [("interactive", 5), ("finetune", 7)])
def test_killed_and_resumed_ends_bit_equal(tiny, half, tmp_path: Path, name: str, rhythm: str, killed_at: int) -> None:
    config, file, game = settings(rhythm), tmp_path / "training.pt", {**SMALL_GAME, "every": 2}

    def run(**more: object) -> ModelSet:
        net = tiny()
        return trained([built(name, **game)], net, half(net, config), config, **more)

    def stop(done: int, total: int) -> None:
        if done == killed_at:
            raise KeyboardInterrupt

    calm = run()
    with pytest.raises(KeyboardInterrupt):
        run(checkpoint=file, progress=stop)
    resumed = run(checkpoint=file)
    assert differing(calm.main, resumed.main) == []
    assert differing(calm.members[name], resumed.members[name]) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_second_training_starts_anew(tiny, half, name: str) -> None:
    config, part, net = settings(steps=4), built(name, **SMALL_GAME), tiny()
    first = trained([part], net, half(net, config), config).members[name]
    net = tiny()
    again = trained([part], net, half(net, config), config).members[name]
    assert again is not first
    assert differing(again, first) == []


@pytest.mark.parametrize(("every", "vae_steps", "moved"), [(1, 2, [1, 3, 5]), (2, 1, [1, 3, 5]), (3, 2, [5])])
def test_each_plays_when_it_is_its_turn(tiny, half, every: int, vae_steps: int, moved: list[int]) -> None:
    seen: dict[str, list[int]] = {"vae": [], "discriminator": []}

    class Witness(Vaal):
        def step(self) -> None:
            net, number = self.game.net, self._steps
            watched = {"vae": net.vae.to_latent.weight, "discriminator": net.discriminator[-1].weight}
            before = {which: weight.detach().clone() for which, weight in watched.items()}
            super().step()
            for which, weight in watched.items():
                if not torch.equal(before[which], weight):
                    seen[which].append(number)

    params = VaalParams.model_validate({**SMALL_GAME, "every": every, "vae_steps": vae_steps})
    net, config = tiny(), settings(steps=6)
    trained([Witness(params, None)], net, half(net, config), config)
    assert seen == {"vae": [s for s in range(6) if (s + 1) % every == 0], "discriminator": moved}


@pytest.mark.parametrize("pool", ["labelled", "none"])
def test_without_unlabelled_images_the_discriminator_stays_as_it_is(tiny, half, pool: str) -> None:
    config, net = settings(steps=4), tiny()
    whole = half(net, config)
    source = TrainSource(whole.data, whole.ids, whole.settled, whole.cache, whole.ids if pool == "labelled" else ())
    member = trained([built("vaal", **SMALL_GAME)], net, source, config).members["vaal"]
    assert isinstance(member, VaalNet)
    images = torch.stack([load_image(whole.data, id, SMALL) for id in whole.data.ids])
    assert (member.judge(lambda: images, lambda size: images) == 0.5).all()


def test_small_images_are_those_that_evidence_gives_and_few_are_kept(tiny, half, blocks) -> None:
    config, net, part = settings(steps=3), tiny(), built("vaal", **SMALL_GAME, memory=4)
    trained([part], net, half(net, config), config)
    assert part._small is not None
    assert len(part._small[1]) == 4
    expected = torch.stack([load_image(blocks, id, SMALL) for id in blocks.ids])
    assert torch.equal(part.game.board.images(blocks.ids), expected)


def test_the_loss_is_the_bound(blocks) -> None:
    draw = torch.Generator().manual_seed(0)
    images, again = torch.rand(2, 2, 3, 4, 4, generator=draw)
    mean, log_variance = torch.randn(2, 2, 5, generator=draw)
    p = torch.distributions.Normal(again, 0.1)
    likely = p.log_prob(images).flatten(1).sum(1) - p.log_prob(again).flatten(1).sum(1)
    q = torch.distributions.Normal(mean, (log_variance / 2).exp())
    standard = torch.distributions.Normal(torch.zeros(5), torch.ones(5))
    expected = (torch.distributions.kl_divergence(q, standard).sum(1) - likely).mean()
    torch.testing.assert_close(autoencoder_loss(images, again, mean, log_variance, 0.1), expected)


def test_a_loss_that_runs_away_is_told() -> None:
    board = Board(["a"], ["b"], lambda ids: torch.full((len(ids), 3, *SMALL), torch.nan), None, CHANCE)
    with pytest.raises(SeglensError, match=r"companion 'vaal': the loss is nan at its step 0; lower lr \(now 0.0005\)"):
        Adversary(VaalNet(4, 8), GameParams(), board).play(0)


@pytest.mark.parametrize("name", NAMES)
def test_bad_values_are_refused(name: str) -> None:
    with pytest.raises(SeglensError, match=f"companion '{name}': key 'width', found 12"):
        built(name, width=12)
    with pytest.raises(SeglensError, match=f"{name}: no training has begun"):
        built(name).model()


# -- four modes, two of them labelled ---------------------------------------------------------------------------------


class Modes:
    """Pictures of four kinds: stripes across, along and aslant, and a chequered one, each of a colour, with noise."""

    classes = ClassTable(("dark", "bright"), ((0, 0, 0), (255, 255, 255)))
    colours = np.array([[150, 110, 90], [90, 150, 110], [110, 90, 150], [130, 130, 100]])

    def __init__(self, count: int) -> None:
        self.ids = [f"{mode}-{i}" for i in range(count) for mode in range(4)]

    def item(self, id: ImageId) -> Item:
        return Item((72, 96), "modes")

    def fingerprint(self) -> str:
        return f"modes-{len(self.ids)}"

    def wave(self, id: ImageId) -> np.ndarray:
        draw = Chance((id,)).numpy()
        y, x = np.mgrid[:72, :96]
        k, phase = draw.uniform(0.25, 0.4), draw.uniform(0, 6.3)
        across, along = np.sin(k * y + phase), np.sin(k * x + phase)
        return [across, along, np.sin(k * (x + y) + phase), np.sign(across * along)][int(id[0])]

    def image(self, id: ImageId) -> ByteArray:
        draw = Chance((id, "noise")).numpy()
        colour = self.colours[int(id[0])] + draw.normal(0, 6, 3)
        return (colour + 40 * self.wave(id)[..., None] + draw.normal(0, 20, (72, 96, 3))).clip(0, 255).astype(np.uint8)

    def settled(self, id: ImageId) -> Settled:
        label = (self.wave(id) > 0).astype(np.uint8)
        return Settled(label, np.full_like(label, Provenance.SIMULATED))


@pytest.mark.parametrize("name", NAMES)
def test_held_out_modes_are_told_from_labelled_ones(tiny, tmp_path: Path, name: str) -> None:
    """Half of two modes is labelled; the rest of them and two more modes are not. Judged on pictures not seen."""
    data, config, net = Modes(40), settings(steps=160, batch=2, loss_pixels=256), tiny(size=SIZE)
    labelled = [id for id in data.ids[:80] if id[0] in "01"]
    cache = FeatureCache(tmp_path / "cache", data, net, SIZE, config.views, 1.0, stages=True)
    source = TrainSource(data, labelled, data.settled, cache, data.ids)
    context = PartContext(data.classes, data, tmp_path, SIZE)
    part: Companion = companions.build(PartConfig.model_validate({"name": name, "batch": 8}), context)
    member = trained([part], net, source, config).members[name]
    assert isinstance(member, VaalNet)
    assert isinstance(member, TaVaalNet) == (name == "ta-vaal")
    fresh = [f"{mode}-{i}" for i in range(1000, 1025) for mode in range(4)]

    def images(size: tuple[int, int]) -> Tensor:
        return torch.stack([load_image(data, id, size) for id in fresh])

    with torch.inference_mode():
        stages = net.encode(images(SIZE), stages=True)[STAGES_TAP].flatten(1)
        said = member.judge(lambda: stages, images)[:, 0]
    assert roc_auc_score([id[0] in "01" for id in fresh], said) >= 0.9
