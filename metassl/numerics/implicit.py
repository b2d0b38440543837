"""Implicit derivatives: linear systems with a Hessian that is never written down, and mixed derivatives.

Vectors are tensors with names.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import grad, vjp

from metassl.numerics.tensors import Tensors

TINY = 1e-30


def dot(a: Tensors, b: Tensors) -> Tensor:
    """⟨a, b⟩ over all names."""
    return torch.stack([(a[name] * b[name]).sum() for name in a]).sum()


def hessian(loss: Callable[[Tensors], Tensor], at: Tensors) -> Callable[[Tensors], dict[str, Tensor]]:
    """v -> ∇²loss(at)·v, by one backward pass through the gradient (the Hessian is symmetric)."""
    pull = vjp(grad(loss), at)[1]
    return lambda v: pull(v)[0]


def conjugate_gradient(
    product: Callable[[Tensors], dict[str, Tensor]], b: Tensors, steps: int
) -> dict[str, Tensor]:
    """x with A·x ≈ b, A symmetric and positive definite, from x = 0 in a fixed number of steps.

    A step that has nothing left to do changes nothing, so tasks can run side by side.
    Source: Hestenes & Stiefel 1952; in this place Rajeswaran et al. 2019, section 3.1.

    Args:
        product: v -> A·v.
        b: the right side.
        steps: number of products.
    """
    x = {name: torch.zeros_like(v) for name, v in b.items()}
    residual, direction, left = dict(b), dict(b), dot(b, b)
    for _ in range(steps):
        turned = product(direction)
        far = _ratio(left, dot(direction, turned))
        x = _add(x, far, direction)
        residual = _add(residual, -far, turned)
        before, left = left, dot(residual, residual)
        direction = _add(residual, _ratio(left, before), direction)
    return x


def mixed(gradient: Tensors, v: Tensors) -> Tensor:
    """⟨∇_φ loss(φ, ω), v⟩ with v a constant: its derivative in ω is the mixed second derivative times v."""
    return dot(gradient, {name: x.detach() for name, x in v.items()})


def _add(a: Tensors, factor: Tensor, b: Tensors) -> dict[str, Tensor]:
    return {name: a[name] + factor * b[name] for name in a}


def _ratio(a: Tensor, b: Tensor) -> Tensor:
    """a / b, 0 where b is 0."""
    empty = b.abs() < TINY
    return torch.where(empty, torch.zeros_like(a), a / torch.where(empty, torch.ones_like(b), b))
