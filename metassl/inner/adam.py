"""Adam as an inner optimiser."""

from typing import NamedTuple

import torch
from torch import Tensor

from metassl.inner.base import InnerOptimizer
from metassl.numerics.tensors import Tensors


class Moments(NamedTuple):
    """Moving means of the gradient and of its square, by name."""

    first: dict[str, Tensor]
    second: dict[str, Tensor]


class Adam(InnerOptimizer):
    """Takes inner steps by Adam with a fixed rate.

    m ← β₁m + (1-β₁)∇, v ← β₂v + (1-β₂)∇², φ ← φ - α m̂ / (√v̂ + ε), with m̂ and v̂ freed of their bias.

    Every task starts with m = v = 0. Source: Kingma & Ba 2015, Algorithm 1.

    Args:
        params: see InnerOptimizer.
        rate: α, fixed.
        beta1, beta2: β₁, β₂; β₁ = 0 in Nichol et al. 2018, section 6.1.
        eps: ε.
    """

    def __init__(
        self,
        params: Tensors,
        rate: float = 0.001,
        beta1: float = 0.0,
        beta2: float = 0.999,
        eps: float = 1e-8,
    ) -> None:
        super().__init__(params)
        self.rate, self.beta1, self.beta2, self.eps = rate, beta1, beta2, eps

    def init(self, params: Tensors) -> Moments:
        """Zeros."""
        return Moments(*({name: torch.zeros_like(p) for name, p in params.items()} for _ in range(2)))

    def update(
        self, grads: Tensors, state: Moments, params: Tensors, step: int, loss: Tensor
    ) -> tuple[dict[str, Tensor], Moments]:
        """One step."""
        first = {n: self.beta1 * m + (1 - self.beta1) * grads[n] for n, m in state.first.items()}
        second = {n: self.beta2 * v + (1 - self.beta2) * grads[n].square() for n, v in state.second.items()}
        left1, left2 = 1 - self.beta1 ** (step + 1), 1 - self.beta2 ** (step + 1)
        moved = {}
        for name, p in params.items():
            # the slope of a root at 0 is infinite
            root = (second[name] / left2).clamp(min=1e-30).sqrt()
            moved[name] = p - self.rate * (first[name] / left1) / (root + self.eps)
        return moved, Moments(first, second)
