"""A learned rate for each layer and each inner step."""

from typing import Any

import torch
from torch import Tensor

from metassl.inner.base import InnerOptimizer, PerParameter
from metassl.numerics.tensors import Tensors
from metassl.schema.ranges import Positive, Whole


class LayerStepRates(InnerOptimizer):
    """Takes gradient steps with a learned rate for each layer and inner step.

    φ_l ← φ_l - α_{l,k} ∇_l: a learned rate for each parameter tensor l and inner step k (LSLR).

    Source: Antoniou et al. 2019, section 4. Steps beyond the last take the last rate.

    Args:
        params: see InnerOptimizer.
        rate: all rates at the start; steps: number of steps with rates of their own.
    """

    def __init__(self, params: Tensors, rate: Positive = 0.1, steps: Whole = 3) -> None:
        super().__init__(params)
        self.steps = max(steps, 1)
        self.rates = PerParameter({name: torch.full((self.steps,), float(rate)) for name in params})

    def update(
        self, grads: Tensors, state: Any, params: Tensors, step: int, loss: Tensor
    ) -> tuple[dict[str, Tensor], Any]:
        """One step."""
        k = min(step, self.steps - 1)
        return {name: p - self.rates[name][k] * grads[name] for name, p in params.items()}, state
