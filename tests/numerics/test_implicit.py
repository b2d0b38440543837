"""Conjugate gradient against a dense solver, and products with second derivatives by hand."""

import torch
from torch import Tensor

from metassl.numerics.implicit import conjugate_gradient, hessian, mixed
from tests.support.numbers import random


def system(size: int = 9) -> tuple[Tensor, dict[str, Tensor]]:
    root = random(size, size)
    matrix = root @ root.T / size + torch.eye(size)
    return matrix, {"a": random(4, seed=1), "b": random(size - 4, seed=2)}


def test_conjugate_gradient_against_a_dense_solver() -> None:
    matrix, b = system()

    def product(v: dict[str, Tensor]) -> dict[str, Tensor]:
        out = matrix @ torch.cat((v["a"], v["b"]))
        return {"a": out[:4], "b": out[4:]}

    expected = torch.linalg.solve(matrix, torch.cat((b["a"], b["b"])))
    for steps in (9, 15):  # more steps than needed do no harm
        x = conjugate_gradient(product, b, steps)
        torch.testing.assert_close(torch.cat((x["a"], x["b"])), expected, rtol=1e-9, atol=1e-9)
    zero = {name: torch.zeros_like(v) for name, v in b.items()}
    assert all((v == 0).all() for v in conjugate_gradient(product, zero, 3).values())


def test_hessian_and_mixed_derivative_by_hand() -> None:
    """loss = ω·Σ x⁴: ∇² = 12ωx², ∂_ω ∇ = 4x³."""
    x, v, omega = {"x": random(5)}, {"x": random(5, seed=1)}, torch.tensor(0.7).double().requires_grad_()

    def loss(at: dict[str, Tensor]) -> Tensor:
        return omega * (at["x"] ** 4).sum()

    torch.testing.assert_close(hessian(loss, x)(v)["x"], 12 * omega * x["x"] ** 2 * v["x"])
    (slope,) = torch.autograd.grad(mixed(torch.func.grad(loss)(x), v), omega)
    torch.testing.assert_close(slope, (4 * x["x"] ** 3 * v["x"]).sum())
