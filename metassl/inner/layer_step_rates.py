"""A learned rate for each layer and each inner step."""

from typing import Any

import torch
from torch import Tensor

from metassl.inner.base import InnerOptimizer, Params, PerParameter


class LayerStepRates(InnerOptimizer):
    """φ_l ← φ_l - α_{l,k} ∇_l: a learned rate for each parameter tensor l and inner step k (LSLR).

    Source: Antoniou et al. 2019, section 4. Steps beyond the last take the last rate.

    Args:
        rate: all rates at the start; steps: number of steps with rates of their own.
    """

    def __init__(self, rate: float, steps: int) -> None:
        super().__init__()
        self.rate, self.steps = rate, max(steps, 1)

    def bind(self, params: Params) -> None:
        """The rates."""
        self.rates = PerParameter({name: torch.full((self.steps,), self.rate) for name in params})

    def update(
        self, grads: Params, state: Any, params: Params, step: int, loss: Tensor
    ) -> tuple[dict[str, Tensor], Any]:
        """One step."""
        k = min(step, self.steps - 1)
        return {name: p - self.rates[name][k] * grads[name] for name, p in params.items()}, state
