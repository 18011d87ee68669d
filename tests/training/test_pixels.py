import torch
from torch.nn import functional

from seglens.training.losses import partial_cross_entropy
from seglens.training.pixels import logits_at, sample_pixels
from seglens.types import IGNORE, Chance, Targets

CHANCES = [Chance((i,)) for i in range(2)]


def targets(share: float) -> Targets:
    generator = torch.Generator().manual_seed(0)
    index = torch.randint(0, 3, (2, 13, 18), generator=generator)
    index[torch.rand(index.shape, generator=generator) > share] = IGNORE
    return Targets(index, torch.rand(index.shape, generator=generator))


def test_all_labelled_pixels_give_the_loss_of_the_whole_map() -> None:
    whole, coarse = targets(0.3), torch.randn(2, 3, 8, 8)
    large = functional.interpolate(coarse, scale_factor=4.0, mode="bilinear", align_corners=False)[..., :13, :18]
    places, picked = sample_pixels(whole, 234, CHANCES)
    mine = partial_cross_entropy(logits_at(coarse, places, 4), picked)
    torch.testing.assert_close(mine, partial_cross_entropy(large, whole))


def test_logits_at_places_are_those_of_the_enlarged_map() -> None:
    coarse = torch.randn(2, 3, 8, 8)
    for stride in (1, 4):
        height, width = 8 * stride, 8 * stride
        large = functional.interpolate(coarse, scale_factor=float(stride), mode="bilinear", align_corners=False)
        y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        places = (torch.stack([y, x], -1).flatten(0, 1) + 0.5).expand(2, -1, -1)
        got = logits_at(coarse, places, stride)[..., 0].unflatten(2, (height, width))
        torch.testing.assert_close(got, large, atol=1e-5, rtol=1e-5)


def test_a_sample_has_the_gradient_of_the_whole_on_average() -> None:
    whole = targets(0.9)
    coarse = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))

    def total(picked: Targets, places: torch.Tensor) -> torch.Tensor:
        each = functional.cross_entropy(
            logits_at(coarse, places, 4), picked.index, ignore_index=IGNORE, reduction="none"
        )
        return (each * picked.weight).sum()

    places, everything = sample_pixels(whole, 234, CHANCES)
    wanted = total(everything, places)
    drawn = [sample_pixels(whole, 40, [c.child(n) for c in CHANCES]) for n in range(300)]
    mean = torch.stack([total(picked, places) for places, picked in drawn]).mean()
    torch.testing.assert_close(mean, wanted, rtol=0.02, atol=0)


def test_sparse_images_keep_every_label_and_empty_ones_give_none() -> None:
    whole = targets(0.0)
    whole.index[1, 4, 7], whole.index[1, 12, 17] = 2, 1
    places, picked = sample_pixels(whole, 10, CHANCES)
    assert (picked.index[0] == IGNORE).all()
    assert picked.weight[0].sum() == 0
    assert picked.index[1, :, 0].tolist() == [2, 1, *[IGNORE] * 8]
    assert places[1, :2].tolist() == [[4.5, 7.5], [12.5, 17.5]]
    assert picked.weight[1, 0, 0] == whole.weight[1, 4, 7]


def test_regions_are_carried_and_depend_on_chance_alone() -> None:
    whole = targets(0.0)
    whole.regions = torch.full((2, 13, 18), -1, dtype=torch.int32)
    whole.regions[0, :5], whole.regions[1, 7:] = 1, 0
    whole.sets = torch.ones(2, 3, dtype=torch.bool)
    _, picked = sample_pixels(whole, 50, CHANCES)
    assert picked.regions is not None
    assert set(picked.regions[0].unique().tolist()) == {1}
    assert set(picked.regions[1].unique().tolist()) == {0}
    whole_one = Targets(whole.index[1:], whole.weight[1:], whole.regions[1:], whole.sets)
    _, alone = sample_pixels(whole_one, 50, CHANCES[1:])
    places, _ = sample_pixels(whole, 50, CHANCES)
    assert torch.equal(places[1:], sample_pixels(whole_one, 50, CHANCES[1:])[0])
    assert torch.equal(alone.index[0], picked.index[1])
