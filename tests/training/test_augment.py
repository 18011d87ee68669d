import numpy as np
import torch

from seglens.training.augment import augment
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
