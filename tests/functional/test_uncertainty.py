from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import entropy as scipy_entropy
from torch import Tensor

from seglens.functional import uncertainty
from seglens.functional.uncertainty import (
    bvsb,
    bvsb_and_class,
    class_mass,
    entropy,
    least_confidence,
    margin,
    predicted,
)

MEASURES = (entropy, least_confidence, margin, bvsb)


def logits(classes: int, seed: int = 0, spread: float = 3.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, classes, 7, 5, generator=generator) * spread


def brute_force(z: Tensor) -> dict[str, np.ndarray]:
    p = torch.softmax(z.double(), 1).numpy()
    ordered = np.sort(p, axis=1)[:, ::-1]
    return {
        "entropy": scipy_entropy(p, axis=1) / np.log(p.shape[1]),
        "least_confidence": 1 - ordered[:, 0],
        "margin": 1 - (ordered[:, 0] - ordered[:, 1]),
        "bvsb": ordered[:, 1] / ordered[:, 0],
    }


@pytest.mark.parametrize("classes", [2, 11, 19])
@pytest.mark.parametrize("measure", MEASURES, ids=lambda f: f.__name__)
def test_equals_brute_force(measure, classes):
    z = logits(classes)
    found = measure(z)
    assert found.dtype == torch.float32
    assert found.shape == (2, 7, 5)
    np.testing.assert_allclose(found.numpy(), brute_force(z)[measure.__name__], atol=2e-6)


@pytest.mark.parametrize("measure", MEASURES, ids=lambda f: f.__name__)
def test_blocks_and_layouts_do_not_matter(measure, monkeypatch):
    z = logits(11)
    whole = measure(z)
    torch.testing.assert_close(measure(z.contiguous(memory_format=torch.channels_last)), whole, atol=1e-6, rtol=0)
    monkeypatch.setattr(uncertainty, "BLOCK", 11 * 5 * 2)
    torch.testing.assert_close(measure(z), whole, atol=1e-6, rtol=0)


@pytest.mark.parametrize("measure", MEASURES, ids=lambda f: f.__name__)
def test_order_of_classes_does_not_matter(measure):
    z = logits(11)
    shuffled = z[:, torch.randperm(11, generator=torch.Generator().manual_seed(1))]
    torch.testing.assert_close(measure(shuffled), measure(z), atol=1e-6, rtol=0)


@pytest.mark.parametrize("classes", [2, 11, 19])
@pytest.mark.parametrize("measure", MEASURES, ids=lambda f: f.__name__)
def test_one_hot_logits_are_certain_and_finite(measure, classes):
    z = torch.full((1, classes, 2, 3), -1e4)
    z[:, 1] = 1e4
    value = measure(z)
    assert (value >= 0).all()
    assert (value < 1e-20).all()


@pytest.mark.parametrize("classes", [2, 11, 19])
def test_uniform_logits_have_the_most(classes):
    z = torch.full((1, classes, 2, 2), 7.5)
    assert torch.equal(entropy(z), torch.ones(1, 2, 2))
    assert torch.equal(bvsb(z), torch.ones(1, 2, 2))
    torch.testing.assert_close(least_confidence(z), torch.full((1, 2, 2), 1 - 1 / classes))


def test_entropy_is_at_most_one_for_every_number_of_classes():
    for classes in range(2, 40):
        value = entropy(logits(classes, seed=classes, spread=0.01))
        assert 0.99 < float(value.min()) <= float(value.max()) <= 1


def test_predicted_class_is_argmax_with_the_first_of_equals():
    z = logits(19).round()
    assert torch.equal(predicted(z), z.argmax(1))
    value, group = bvsb_and_class(z)
    assert torch.equal(group, z.argmax(1))
    assert torch.equal(value, bvsb(z))


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_class_mass_is_the_sum_of_the_softmax(temperature):
    z = logits(11)
    expected = torch.softmax(z.double() / temperature, 1).sum((2, 3))
    torch.testing.assert_close(class_mass(z, temperature), expected, rtol=1e-5, atol=1e-6)


def test_half_precision_comes_in():
    z = logits(11)
    assert entropy(z.bfloat16()).dtype == torch.float32
    torch.testing.assert_close(entropy(z.bfloat16()), entropy(z.bfloat16().float()))


def test_a_nan_is_not_hidden():
    z = logits(3)
    z[0, 1, 0, 0] = torch.nan
    for measure in MEASURES:
        assert measure(z)[0, 0, 0].isnan()


@pytest.mark.parametrize("shape", [(2, 1, 3, 3), (3, 4, 4)])
@pytest.mark.parametrize("measure", [*MEASURES, predicted, class_mass], ids=lambda f: f.__name__)
def test_wrong_shapes_are_refused(measure, shape):
    with pytest.raises(ValueError, match="expected \\(N, C, h, w\\)"):
        measure(torch.zeros(shape))
