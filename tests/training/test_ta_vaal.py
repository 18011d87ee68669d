"""The ranker of TA-VAAL, and where the stages that it reads come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, log
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from seglens.config import PartConfig, TrainConfig
from seglens.models import FeatureCache, SegNet, TaVaalNet, load_image
from seglens.models.loss_head import LossHead
from seglens.models.stages import STAGES, STAGES_TAP
from seglens.registry import companions
from seglens.training import Course, TrainSource, train
from seglens.training.companions.ta_vaal import TaVaal, rank_net_loss
from seglens.training.recipe import StepOutputs
from seglens.types import Chance, ImageId, Targets

CHANCE = Chance((0, 1, "train"))
SIZE = (32, 64)
SMALL_GAME = {"batch": 3, "latent": 4, "width": 8}


@pytest.fixture(autouse=True)
def _staged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny encoder of the tests has five stages."""
    widths = (16, 24, 32, 48, 64)
    monkeypatch.setitem(STAGES, "tu-test_efficientnet", {f"model.blocks.{i}": w for i, w in enumerate(widths)})


def settings(rhythm: str) -> TrainConfig:
    return TrainConfig.model_validate({"rhythm": rhythm, "steps": 3, "batch": 4})


@pytest.fixture
def half(blocks, tmp_path: Path) -> Callable[..., TrainSource]:
    def build(net: SegNet, config: TrainConfig, stages: bool = True) -> TrainSource:
        cache = None
        if config.rhythm == "interactive":
            cache = FeatureCache(tmp_path / "cache", blocks, net, SIZE, config.views, 1.0, stages)
        return TrainSource(blocks, blocks.ids[:6], blocks.settled, cache, blocks.ids)

    return build


def part(**params: object) -> TaVaal:
    built: TaVaal = companions.build(PartConfig.model_validate({"name": "ta-vaal", **SMALL_GAME, **params}), None)
    return built


def test_the_ranking_loss_against_a_loop() -> None:
    predicted, true = torch.randn(7), torch.tensor([0.3, torch.nan, 2.0, 0.1, torch.nan, 1.0, 0.7])
    known = [i for i in range(7) if true[i] == true[i]]
    each = []
    for i, j in ((known[0], known[3]), (known[1], known[2])):  # of five the last is left out
        p = 1 / (1 + exp(-(float(predicted[i]) - float(predicted[j]))))
        each.append(-log(p) if true[i] > true[j] else -log(1 - p))
    assert float(rank_net_loss(predicted, true)) == pytest.approx(sum(each) / 2, rel=1e-5)


@pytest.mark.parametrize("known", [0, 1])
def test_without_a_pair_nothing_is_learnt(known: int) -> None:
    predicted, true = torch.randn(4, requires_grad=True), torch.full((4,), torch.nan)
    true[:known] = 1.0
    loss = rank_net_loss(predicted, true)
    loss.backward()
    assert float(loss.detach()) == 0
    assert predicted.grad is not None
    assert not predicted.grad.any()


def test_the_ranker_learns_which_image_has_the_larger_loss(tiny, half) -> None:
    """Of stages that tell the loss; an image without labels is there, and a higher rank means a larger loss."""
    net, config = tiny(), settings("interactive")
    companion = part(every=1000, ranker_lr=3e-3)
    companion.start(net, Course(half(net, config), config, CHANCE, 3))
    draw = torch.Generator().manual_seed(0)
    for _ in range(60):
        stages = torch.rand(8, sum(net.stage_channels), generator=draw)
        logits = torch.zeros(8, 2, 1, 1)
        logits[:, 0, 0, 0] = -4 * stages[:, 0]  # the class is 0: the larger the first stage, the larger the loss
        index = torch.zeros(8, 1, 1, dtype=torch.int64)
        index[3] = 255
        outputs = StepOutputs(
            logits, Targets(index, torch.ones(8, 1, 1)), logits, {STAGES_TAP: stages[..., None, None]}
        )
        loss = companion.loss(outputs)
        assert float(loss) == 0
        assert not loss.requires_grad
        companion.step()
    stages = torch.rand(50, sum(net.stage_channels), generator=draw)
    ranks = companion.net.beside(lambda: stages, 50)[:, 0]
    assert float(torch.corrcoef(torch.stack([ranks, stages[:, 0]]))[0, 1]) > 0.8


@pytest.mark.parametrize("rhythm", ["interactive", "finetune"])
def test_stages_are_those_of_the_net_and_its_mode_stays(tiny, half, blocks, rhythm: str) -> None:
    net, config, companion = tiny(), settings(rhythm), part()
    net.freeze_encoder(rhythm == "interactive")
    course = Course(half(net, config), config, CHANCE, 3)
    companion.start(net, course)
    net.train()
    modes = [module.training for module in net.modules()]
    state = {key: value.clone() for key, value in net.state_dict().items()}
    found = companion.stages(net, course, blocks.ids[3:9])
    assert [module.training for module in net.modules()] == modes
    assert all(torch.equal(value, state[key]) for key, value in net.state_dict().items())
    assert not found.requires_grad
    net.eval()
    with torch.no_grad():
        images = torch.stack([load_image(blocks, id, SIZE) for id in blocks.ids[3:9]])
        expected = net.encode(images, stages=True)[STAGES_TAP].flatten(1)
    torch.testing.assert_close(found, expected, rtol=2e-3, atol=2e-3)  # the cache holds float16


def test_a_cached_image_is_encoded_once(tiny, half, blocks, monkeypatch: pytest.MonkeyPatch) -> None:
    net, config, companion = tiny(), settings("interactive"), part()
    course = Course(half(net, config), config, CHANCE, 3)
    companion.start(net, course)
    read: list[ImageId] = []
    one = FeatureCache.one

    def counted(self: FeatureCache, id: ImageId, view: str = "plain") -> dict[str, Tensor]:
        read.append(id)
        return one(self, id, view)

    monkeypatch.setattr(FeatureCache, "one", counted)
    monkeypatch.setattr(SegNet, "encode", None)
    first = companion.stages(net, course, blocks.ids)
    assert torch.equal(companion.stages(net, course, blocks.ids), first)
    assert read == list(blocks.ids)


@pytest.mark.parametrize("names", [[], ["ema-teacher"], ["vaal"]])
def test_a_baseline_trains_without_any_loss_module(
    tiny, half, names: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In public code a method is tested by ``method == 'lloss' or 'TA-VAAL'``, always true: all train the module."""

    def refuse(*_: object) -> None:
        raise AssertionError("a loss module is built")

    monkeypatch.setattr(LossHead, "__init__", refuse)
    net, config = tiny(), settings("interactive")
    pooled: list[bool] = []
    encode = net.encode

    def watched(images: Tensor, stages: bool = False) -> dict[str, Tensor]:
        pooled.append(stages)
        return encode(images, stages)

    monkeypatch.setattr(net, "encode", watched)
    values = {"vaal": SMALL_GAME}
    parts = [companions.build(PartConfig.model_validate({"name": n, **values.get(n, {})}), None) for n in names]
    models = train(net, half(net, config, stages=False), config, CHANCE, companions=parts)
    assert list(models.members) == list(names)
    assert not any(pooled)
    left: list[nn.Module] = [models.main, *models.members.values()]
    assert not any(isinstance(module, LossHead) for model in left for module in model.modules())
    with pytest.raises(AssertionError, match="a loss module is built"):
        part().start(net, Course(half(net, config), config, CHANCE, 3))


def test_the_rank_changes_what_is_said(tiny, half, blocks) -> None:
    net, config, companion = tiny(), settings("finetune"), part(vae_steps=1)
    member = train(net, half(net, config), config, CHANCE, companions=[companion]).members["ta-vaal"]
    assert isinstance(member, TaVaalNet)
    assert member.ranker.channels == net.stage_channels
    images = torch.stack([load_image(blocks, id, (64, 64)) for id in blocks.ids])
    stages = torch.rand(len(images), sum(net.stage_channels))
    with torch.no_grad():
        one, two = (member.judge(lambda times=times: times * stages, lambda size: images) for times in (1, 30))
    assert not torch.equal(one, two)
