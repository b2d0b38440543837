"""The gradient of an inner loss, inside and outside of torch's functional transforms."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor
from torch.func import grad

from metassl.numerics.tensors import Tensors

A = TypeVar("A")


def gradient(
    loss: Callable[[Tensors], tuple[Tensor, A]], at: Tensors, order: int
) -> tuple[dict[str, Tensor], A]:
    """∇ loss(at), and whatever else the loss returns.

    Under vmap or another functional transform, and in inference mode, by torch.func; else by autograd, which
    gives the same with less work around each operation.

    Args:
        loss: of the tensors that `at` holds, a scalar and anything.
        at: where.
        order: 2 leaves a graph to differentiate the gradient again (where gradients are on), 1 does not.
    """
    if torch._C._are_functorch_transforms_active() or torch.is_inference_mode_enabled():
        with torch.set_grad_enabled(torch.is_grad_enabled() and order > 1):
            return grad(loss, has_aux=True)(at)
    again = order > 1 and torch.is_grad_enabled()
    with torch.enable_grad():
        # views, so that a loss that reads the same tensors by another way is not differentiated in that way
        point = {n: p.view_as(p) if again and p.requires_grad else _leaf(p) for n, p in at.items()}
        value, rest = loss(point)
        found = torch.autograd.grad(value, list(point.values()), create_graph=again, materialize_grads=True)
    return dict(zip(point, found, strict=True)), rest


def _leaf(p: Tensor) -> Tensor:
    return p.detach().requires_grad_()
