import math

import numpy as np
import pytest
import torch

from seglens.training.augment import SIGMAS, augment, flip_blur
from seglens.types import IGNORE, Chance, Settled

SIZE = (40, 56)


def scene() -> tuple[np.ndarray, Settled]:
    """Four flat quarters whose grey value tells their class."""
    label = np.zeros((60, 90), np.uint8)
    label[:30, 45:], label[30:, :45], label[30:, 45:] = 1, 2, 3
    image = np.repeat((label * 60 + 30)[..., None], 3, 2).astype(np.uint8)
    regions = np.where(label == 3, 1, -1).astype(np.int32)
    return image, Settled(label, label + 1, regions, ((0,), (3,)))


def test_image_and_labels_stay_together() -> None:
    image, settled = scene()
    for n in range(30):
        seen, label = augment(image, settled, SIZE, Chance((n,)))
        assert seen.shape == (3, *SIZE)
        assert seen.dtype == torch.float32
        assert 0 <= float(seen.min()) <= float(seen.max()) <= 1
        # one grey value a class, whatever the colours became: labels fit but for the blended edges
        grey, known = seen[0], label.index != IGNORE
        for c in label.index[known].unique().tolist():
            inside = grey[label.index == c]
            if len(inside) > 40:
                assert float((inside - inside.median()).abs().lt(0.02).float().mean()) > 0.8
        assert torch.equal(label.provenance[known], label.index[known] + 1)
        assert label.regions is not None
        assert torch.equal(label.regions[known] == 1, label.index[known] == 3)
        assert set(label.index.unique().tolist()) <= {0, 1, 2, 3, IGNORE}


def test_outside_the_image_there_is_no_label() -> None:
    image, settled = scene()
    looks = [augment(image, settled, SIZE, Chance((n,)))[1] for n in range(40)]
    outside = [label for label in looks if (label.index == IGNORE).any()]
    assert 5 < len(outside) < 35
    for label in outside:
        empty = label.index == IGNORE
        assert (label.provenance[empty] == 0).all()
        assert label.regions is not None
        assert (label.regions[empty] == -1).all()


def test_depends_on_chance_alone() -> None:
    image, settled = scene()
    first, again, other = (augment(image, settled, SIZE, Chance((n,)))[0] for n in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_both_mirrors_and_many_scales_come() -> None:
    image, settled = scene()
    corners = {int(augment(image, settled, SIZE, Chance((n,)))[1].index[20, 3]) for n in range(40)}
    assert len(corners) > 2


def test_flip_and_blur_come_every_other_time_and_apart_from_each_other() -> None:
    image, settled = scene()
    seen: dict[tuple[bool, bool], int] = {}
    plain = flip_blur(image, settled, image.shape[:2], next(c for c in chances() if kind(image, settled, c) == (0, 0)))
    assert torch.equal(plain[0], torch.from_numpy(image).permute(2, 0, 1) / 255)
    assert torch.equal(plain[1].index, torch.from_numpy(settled.label))
    for chance in chances():
        found = kind(image, settled, chance)
        seen[found] = seen.get(found, 0) + 1
    assert len(seen) == 4
    assert all(30 < count < 70 for count in seen.values()), seen  # of 200; the weakest blurs change nothing


def chances() -> list[Chance]:
    return [Chance((n,)) for n in range(200)]


def kind(image: np.ndarray, settled: Settled, chance: Chance) -> tuple[bool, bool]:
    """Whether the image was mirrored, as its labels tell, and blurred, as its edges do."""
    seen, label = flip_blur(image, settled, image.shape[:2], chance)
    mirrored = bool(label.index[0, 0] == 1)
    looked = seen.flip(-1) if mirrored else seen
    return mirrored, not torch.equal(looked, torch.from_numpy(image).permute(2, 0, 1) / 255)


def test_flip_blur_keeps_labels_sharp_and_with_the_image() -> None:
    image, settled = scene()
    for n in range(20):
        seen, label = flip_blur(image, settled, SIZE, Chance((n,)))
        assert seen.shape == (3, *SIZE)
        assert seen.dtype == torch.float32
        wanted = (label.index.float() * 60 + 30) / 255
        assert float((seen[0] - wanted).abs().lt(0.02).float().mean()) > 0.75
        assert torch.equal(label.provenance, label.index + 1)
        assert label.regions is not None
        assert torch.equal(label.regions == 1, label.index == 3)
        assert label.sets == settled.sets
        assert torch.equal(seen, flip_blur(image, settled, SIZE, Chance((n,)))[0])


def test_the_blur_stays_within_its_range() -> None:
    image = np.zeros((41, 41, 3), np.uint8)
    image[20, 20] = 255
    nothing = np.zeros((41, 41), np.uint8)
    spreads = []
    for n in range(60):
        seen = flip_blur(image, Settled(nothing, nothing), (41, 41), Chance((n,)))[0][0]
        rows = torch.arange(41) - 20.0
        spreads.append(math.sqrt(float((seen.sum(1) * rows**2).sum() / seen.sum())))
        assert float(seen.sum()) == pytest.approx(1, abs=1e-3)
    assert 0.4 < sum(s == 0 for s in spreads) / 60 < 0.8  # not blurred, or by so little that nothing is seen
    assert max(spreads) <= SIGMAS[1]
    assert max(spreads) > 1.5
