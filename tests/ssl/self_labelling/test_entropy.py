"""Entropy minimisation against numpy, and at its ends."""

import numpy as np
import pytest
import torch

from metassl.data.pool import Pool
from tests.support.contexts import WAY, D, U, context, two_classes
from tests.support.numbers import close, random, softmax
from tests.support.objectives import entropy
from tests.support.penalties import engines_agree, no_weight, padding_is_nothing


@pytest.mark.parametrize(("marginal", "temperature"), [(0.0, 1.0), (1.0, 1.0), (0.7, 0.4)])
def test_against_numpy(marginal: float, temperature: float) -> None:
    x, weight = random(U, D), torch.arange(U).double() / U
    found = entropy(marginal, temperature).penalty(context({"plain": x}, weight=weight))
    p, w = softmax(x.numpy()[:, :WAY] / temperature), weight.numpy() / weight.numpy().sum()
    mean = sum(a * b for a, b in zip(w, p, strict=True))
    each = [-(row * np.log(row)).sum() for row in p]
    close(found, w @ each + marginal * (mean * np.log(mean)).sum())


def test_least_where_every_class_has_its_sure_share() -> None:
    """-m·ln N for sure and balanced predictions, 0 for one class that takes all, H(uniform) for no idea."""
    sure = 1e3 * torch.eye(WAY, D, dtype=torch.float64)
    one = 1e3 * torch.eye(1, D, dtype=torch.float64).expand(WAY, D)
    close(entropy(1.0, 1.0).penalty(context({"plain": sure})), -np.log(WAY))
    close(entropy(1.0, 1.0).penalty(context({"plain": one})), 0.0)
    close(entropy(0.0, 1.0).penalty(context({"plain": torch.zeros(U, D).double()})), np.log(WAY))


@pytest.mark.parametrize("start", [0.05, 1.0])
def test_slope_in_the_temperature_with_a_missing_class(start: float) -> None:
    given = {"views": {"plain": random(U, D)}, "class_mask": torch.tensor([True, True, False])}
    temperature = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(
        entropy(1.0, temperature).penalty(context(**given, logits=two_classes)), temperature
    )
    low, high = (
        entropy(1.0, start * (1 + h)).penalty(context(**given, logits=two_classes)) for h in (-1e-6, 1e-6)
    )
    torch.testing.assert_close(slope, (high - low) / (2e-6 * start), rtol=1e-6, atol=1e-8)


def test_padding_and_engines(tiny_pool: Pool) -> None:
    padding_is_nothing(entropy(1.0, 0.5))
    assert no_weight(entropy(1.0, 0.5)) == 0
    engines_agree(tiny_pool, lambda: entropy(1.0, 0.5))
