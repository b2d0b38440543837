"""Gradient descent as an inner optimiser."""

from typing import Any

import torch
from torch import Tensor, nn

from metassl.inner.base import InnerOptimizer
from metassl.numerics.tensors import Tensors
from metassl.schema.ranges import Positive, Switch, Whole


class SGD(InnerOptimizer):
    """Takes plain gradient steps, at rates that may be learned.

    φ ← φ - α_k ∇, one rate for each inner step k; steps beyond the last take the last rate.

    Source: Finn et al. 2017, eq. 1 (α fixed: learned=False); per-step learned rates as in Antoniou
    et al. 2019, section 4 (there also per layer).

    Args:
        params: see InnerOptimizer.
        rate: initial α of every step.
        steps: number of rates.
        learned: whether the outer loop trains the rates.
        clip: largest entry of a gradient, by its absolute value; None: any (Vuorio et al. 2019, code).
    """

    def __init__(
        self,
        params: Tensors,
        rate: Positive = 0.1,
        steps: Whole = 3,
        learned: Switch = True,
        clip: Positive | None = None,
    ) -> None:
        super().__init__(params)
        self.clip = clip
        self.rates = nn.Parameter(torch.full((max(steps, 1),), float(rate)), requires_grad=learned)

    def update(
        self, grads: Tensors, state: Any, params: Tensors, step: int, loss: Tensor
    ) -> tuple[dict[str, Tensor], Any]:
        """One step of gradient descent."""
        rate = self.rates[min(step, len(self.rates) - 1)]
        return {name: p - rate * self._clipped(grads[name]) for name, p in params.items()}, state

    def _clipped(self, grad: Tensor) -> Tensor:
        return grad if self.clip is None else grad.clamp(-self.clip, self.clip)
