"""Sinkhorn against POT, its marginals, its limits and its gradient."""

import numpy as np
import ot
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from metassl.numerics.geometry import squared_distances
from metassl.numerics.transport import sinkhorn_distance, sinkhorn_divergence, sinkhorn_plan
from tests.support.numbers import random


def weights(n: int, seed: int) -> Tensor:
    w = random(n, seed=seed).exp()
    return w / w.sum()


def clouds() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return random(6, 3, seed=1), random(5, 3, seed=2), weights(6, 3), weights(5, 4)


@pytest.mark.parametrize("reg", [0.3, 1.0, 5.0])
def test_plan_against_pot(reg: float) -> None:
    x, y, a, b = clouds()
    cost = squared_distances(x, y)
    expected = ot.sinkhorn(a.numpy(), b.numpy(), cost.numpy(), reg, numItermax=20000, stopThr=1e-14)
    found = sinkhorn_plan(cost, a, b, reg, 2000)
    torch.testing.assert_close(found, torch.from_numpy(expected), rtol=1e-7, atol=1e-10)
    torch.testing.assert_close(found.sum(1), a)
    torch.testing.assert_close(found.sum(0), b)
    distance = sinkhorn_distance(x, y, a, b, reg, 2000)
    torch.testing.assert_close(distance, torch.tensor((expected * cost.numpy()).sum()))


def test_a_small_regularisation_gives_the_best_assignment() -> None:
    x, y = random(6, 3, seed=1), random(6, 3, seed=2)
    a = torch.full((6,), 1 / 6).double()
    cost = squared_distances(x, y)
    rows, columns = linear_sum_assignment(cost.numpy())
    best = cost.numpy()[rows, columns].mean()
    assert float(sinkhorn_distance(x, y, a, a, 0.01, 2000)) == pytest.approx(best, rel=1e-3)


def test_divergence_against_pot_and_its_sign() -> None:
    x, y, a, b = clouds()
    found = float(sinkhorn_divergence(x, y, a, b, 2.0, 1000))
    arrays = [t.numpy() for t in (x, y, a, b)]

    def value(x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
        cost = ot.dist(x, y)
        p = ot.sinkhorn(a, b, cost, 2.0, numItermax=20000, stopThr=1e-14)
        return float((p * cost).sum() + 2.0 * (p * np.log(p / np.outer(a, b))).sum())

    x_, y_, a_, b_ = arrays
    expected = value(x_, y_, a_, b_) - 0.5 * value(x_, x_, a_, a_) - 0.5 * value(y_, y_, b_, b_)
    assert found == pytest.approx(expected, rel=1e-7)
    assert found > 0
    assert float(sinkhorn_divergence(x, x, a, a, 2.0, 1000)) == pytest.approx(0, abs=1e-12)
    assert float(sinkhorn_distance(x, x, a, a, 2.0, 1000)) > 0.1  # the bias that the divergence takes away


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_points_of_weight_zero_have_no_part(dtype: torch.dtype) -> None:
    x, y, a, b = (t.to(dtype) for t in clouds())
    more_x = torch.cat((x, 100 * torch.ones(2, 3, dtype=dtype)))
    more_y = torch.cat((-50 * torch.ones(1, 3, dtype=dtype), y)).requires_grad_()
    wide_a, wide_b = torch.cat((a, a[:2] * 0)), torch.cat((b[:1] * 0, b)).requires_grad_()
    plan = sinkhorn_plan(squared_distances(x, y), a, b, 1.0, 50)
    wide = sinkhorn_plan(squared_distances(more_x, more_y), wide_a, wide_b, 1.0, 50)
    torch.testing.assert_close(wide[:6, 1:], plan)
    assert (wide[6:] == 0).all()
    assert (wide[:, 0] == 0).all()
    for value in (sinkhorn_distance, sinkhorn_divergence):
        narrow = value(x, y, a, b, 1.0, 50)
        found = value(more_x, more_y, wide_a, wide_b, 1.0, 50)
        torch.testing.assert_close(found, narrow, rtol=1e-4, atol=1e-5)
        slopes = torch.autograd.grad(found, (more_y, wide_b))
        assert all(slope.isfinite().all() for slope in slopes)
        assert (slopes[0][0] == 0).all()


def test_no_weight_at_all_moves_nothing() -> None:
    x, y, a, b = (t.float() for t in clouds())
    plan = sinkhorn_plan(squared_distances(x, y).requires_grad_(), a * 0, b, 0.05, 100)
    assert (plan == 0).all()


def test_gradients_are_slopes() -> None:
    """With respect to points, weights and regularisation, twice."""
    x, y, a, b = clouds()
    inputs = (
        x[:3, :1].requires_grad_(),
        y[:2, :1].requires_grad_(),
        torch.tensor(0.7).double().requires_grad_(),
    )
    a, b = (a[:3] / a[:3].sum()).requires_grad_(), (b[:2] / b[:2].sum()).requires_grad_()

    def value(x: Tensor, y: Tensor, reg: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        return sinkhorn_distance(x, y, a, b, reg, 3), sinkhorn_divergence(x, y, a, b, reg, 3)

    assert torch.autograd.gradcheck(value, (*inputs, a, b))
    assert torch.autograd.gradgradcheck(value, (*inputs, a, b))
