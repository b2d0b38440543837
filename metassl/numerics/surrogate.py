"""A scalar with a value and a gradient of one's choice: how a gradient computed elsewhere enters autograd."""

from typing import Any

from torch import Tensor
from torch.autograd import Function

from metassl.numerics.tensors import Tensors


def surrogate(value: Tensor, params: Tensors, gradient: Tensors) -> Tensor:
    """The scalar `value` whose derivative in params[name] is gradient[name], for the names of `gradient`.

    Works under vmap and functional transforms; the gradients are constants.

    Args:
        value: scalar; its own graph is not followed.
        params: name -> tensor, more names than those of `gradient` are left alone.
        gradient: name -> tensor of the same shape.
    """
    learned = [params[name] for name in gradient]
    given: Tensor = _Given.apply(value.detach(), *(g.detach() for g in gradient.values()), *learned)
    return given


class _Given(Function):
    """(value, g_1, …, g_n, p_1, …, p_n) -> value, with the gradient g_k in p_k."""

    generate_vmap_rule = True

    @staticmethod
    def forward(value: Tensor, *rest: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[1 : 1 + (len(inputs) - 1) // 2])

    @staticmethod
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, ...]:
        gradients: tuple[Tensor, ...] = ctx.saved_tensors
        return None, *(None for _ in gradients), *(scale * g for g in gradients)
