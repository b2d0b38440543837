"""The support vector machine against scikit-learn's and against scipy's minimum of its primal."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from sklearn.svm import LinearSVC
from torch import Tensor

from metassl.heads.svm import SVM, onto_simplex, solve_dual
from tests.support.contexts import WAY, D
from tests.support.heads import hard_rows, soft_rows
from tests.support.numbers import random


def primal(z: Tensor, q: Tensor, w: Tensor, cost: float) -> Tensor:
    """[D, N] W of least ½‖W‖² + C Σ w ξ, by scipy, with the slacks ξ as variables."""
    z, q, w = (x.detach().numpy() for x in (z, q, w))
    size = z.shape[1] * q.shape[1]

    def margins(v: np.ndarray) -> np.ndarray:
        s = z @ v[:size].reshape(z.shape[1], -1) - q
        return (v[size:, None] + (q * s).sum(1, keepdims=True) - s).ravel()

    found = minimize(
        lambda v: 0.5 * (v[:size] ** 2).sum() + cost * (w * v[size:]).sum(),
        np.concatenate((np.zeros(size), np.ones(len(z)))),
        jac=lambda v: np.concatenate((v[:size], cost * w)),
        constraints={"type": "ineq", "fun": margins},
        method="SLSQP",
        options={"ftol": 1e-15, "maxiter": 500},
    )
    return torch.from_numpy(found.x[:size].reshape(z.shape[1], -1))


@pytest.mark.parametrize("n", [3, 12])
def test_against_scikit_learn(n: int) -> None:
    z, q, w = hard_rows(n)
    reference = LinearSVC(
        C=0.3, multi_class="crammer_singer", fit_intercept=False, loss="hinge", tol=1e-10, max_iter=100_000
    ).fit(z.numpy(), q.argmax(-1).numpy())
    found = SVM(0.3, 1.0, 2000).fit(z, q, w)
    torch.testing.assert_close(found, torch.from_numpy(reference.coef_.T), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("rows", [hard_rows, soft_rows])
def test_against_the_primal(rows) -> None:
    """With weights and soft labels, too."""
    z, q, w = rows(7)
    torch.testing.assert_close(SVM(0.4, 1.0, 2000).fit(z, q, w), primal(z, q, w, 0.4), rtol=1e-5, atol=1e-6)


def test_gradient_is_that_of_the_minimum() -> None:
    """Against differences of scipy's solutions, not of the solver's own steps."""
    z, q, w = soft_rows(6)
    ways = random(6, D, seed=3), random(6, WAY, seed=4) * 0.1, random(6, seed=5) * 0.1
    target = random(D, WAY, seed=6)
    inputs = tuple(x.clone().requires_grad_() for x in (z, q, w))
    gradients = torch.autograd.grad((SVM(0.4, 1.0, 1000).fit(*inputs) * target).sum(), inputs)
    found = sum((g * v).sum() for g, v in zip(gradients, ways, strict=True))
    h = 1e-3
    ends = [primal(*(x + s * h * v for x, v in zip((z, q, w), ways, strict=True)), 0.4) for s in (1, -1)]
    torch.testing.assert_close(found, ((ends[0] - ends[1]) * target).sum() / (2 * h), rtol=1e-3, atol=1e-4)


def test_dual_variables_are_allowed_and_the_gap_closes() -> None:
    z, q, w = soft_rows(9)
    size = 0.4 * w.unsqueeze(-1)
    for steps, gap in ((1, 10.0), (60, 1e-2), (2000, 1e-9)):
        alpha = solve_dual(z @ z.T, q, size, steps)
        assert (alpha <= size * q + 1e-12).all()
        torch.testing.assert_close(alpha.sum(-1), torch.zeros(9).double())
        s = z @ z.T @ alpha
        slack = (s - q).amax(-1) - (q * (s - q)).sum(-1)
        most = (q * alpha).sum() - 0.5 * (alpha * s).sum()
        assert -1e-12 < 0.5 * (alpha * s).sum() + (size.squeeze() * slack).sum() - most < gap


def test_more_steps_are_nearer() -> None:
    """The default number of steps, on 5 rows of 16 features and on 30."""
    for n, error in ((5, 1e-3), (30, 0.2)):
        z, q = random(n, 16).clamp(min=0) * 1.5, torch.eye(5).double()[torch.arange(n) % 5]
        found, exact = (SVM(0.1, 1.0, k).fit(z, q, torch.ones(n).double()) for k in (60, 1500))
        assert (found - exact).norm() / exact.norm() < error


@pytest.mark.parametrize("size", [0.0, 0.5, 2.0])
def test_projection_against_bisection(size: float) -> None:
    v = random(6, 5)
    found = onto_simplex(v, torch.full((6, 1), size).double())
    low, high = v.amin(-1, keepdim=True) - size, v.amax(-1, keepdim=True)
    for _ in range(100):
        middle = (low + high) / 2
        above = (v - middle).clamp(min=0).sum(-1, keepdim=True) > size
        low, high = torch.where(above, middle, low), torch.where(above, high, middle)
    torch.testing.assert_close(found, (v - high).clamp(min=0), atol=1e-10, rtol=1e-10)


def test_weight_2_is_the_row_twice() -> None:
    z, q, w = hard_rows(6)
    twice = SVM(0.4, 1.0, 1000).fit(torch.cat((z, z[:2])), torch.cat((q, q[:2])), torch.ones(8).double())
    w = torch.tensor([2.0, 2, 1, 1, 1, 1]).double()
    torch.testing.assert_close(SVM(0.4, 1.0, 1000).fit(z, q, w), twice, rtol=1e-5, atol=1e-6)
