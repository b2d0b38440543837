"""Adam of the inner loop against torch's."""

import pytest
import torch
from torch import Tensor

from metassl.inner.adam import Adam
from tests.support.numbers import random


@pytest.mark.parametrize("beta1", [0.0, 0.9])
def test_adam_is_torchs(beta1: float) -> None:
    start, target = random(6), random(6, seed=1)
    ours, theirs = {"x": start}, start.clone().requires_grad_()
    adam = Adam(ours, 0.05, beta1, 0.99, 1e-8)
    state = adam.init(ours)
    reference = torch.optim.Adam([theirs], 0.05, (beta1, 0.99), 1e-8)
    for step in range(4):
        slope = 4 * (ours["x"] - target) ** 3
        ours, state = adam.update({"x": slope}, state, ours, step, torch.tensor(0.0))
        reference.zero_grad()
        ((theirs - target) ** 4).sum().backward()
        reference.step()
        torch.testing.assert_close(ours["x"], theirs.detach(), rtol=1e-9, atol=1e-12)


def test_adam_at_a_gradient_of_zero_has_finite_derivatives() -> None:
    adam = Adam({}, 0.05, 0.0, 0.999, 1e-8)

    def after(slope: Tensor) -> Tensor:
        x = {"x": torch.zeros(2).double()}
        return adam.update({"x": slope}, adam.init(x), x, 0, slope.sum())[0]["x"].sum()

    assert torch.isfinite(torch.func.grad(after)(torch.tensor([0.0, 1.0]).double())).all()
