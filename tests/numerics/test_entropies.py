"""Tsallis's entropy against its definition, at its limits, and its slopes where a probability is 0."""

import numpy as np
import pytest
import torch

from metassl.numerics.entropies import tsallis_entropy
from tests.support.numbers import close, random


@pytest.mark.parametrize("alpha", [0.5, 2.0, 7.0])
def test_against_its_definition(alpha: float) -> None:
    p = random(5, 4).softmax(-1)
    close(tsallis_entropy(p, alpha), (1 - (p.numpy() ** alpha).sum(1)) / (alpha - 1))


def test_towards_one_it_is_shannons() -> None:
    p = random(5, 4).softmax(-1)
    shannon = -(p.numpy() * np.log(p.numpy())).sum(1)
    close(tsallis_entropy(p, 1.0), shannon)
    for near in (1 - 1e-5, 1 + 1e-5):
        np.testing.assert_allclose(tsallis_entropy(p, near).numpy(), shannon, rtol=1e-4)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_a_sure_one_has_none_and_finite_slopes(alpha: float) -> None:
    p = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64, requires_grad=True)
    value = tsallis_entropy(p, alpha)
    assert abs(float(value.detach())) < 1e-5
    (slope,) = torch.autograd.grad(value, p)
    assert slope.isfinite().all()


def test_a_small_part_is_pulled_up_less_the_larger_alpha_is() -> None:
    """The slope towards equal parts, of parts 0.9 and 0.1: why a large α bears classes that differ in size."""

    def pull(alpha: float) -> float:
        p = torch.tensor([0.9, 0.1]).double().requires_grad_()
        (slope,) = torch.autograd.grad(tsallis_entropy(p, alpha), p)
        return float(slope[1] - slope[0])

    np.testing.assert_allclose([pull(1.0), pull(2.0)], [np.log(9), 1.6])
    assert pull(7.0) < 0.7
