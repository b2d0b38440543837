"""Meta-SGD: a learned rate, and so a learned direction, for each single number that adaptation moves."""

from typing import Any

import torch
from torch import Tensor

from metassl.inner.base import InnerOptimizer, Params, PerParameter


class MetaSGD(InnerOptimizer):
    """φ ← φ - α ∘ ∇, α of the shape of φ, learned together with θ; a rate may become negative.

    Source: Li et al. 2017, eq. 1 and 2, Algorithm 1 (there one step; further steps take the same α).

    Args:
        low, high: the initial rates are uniform in [low, high]; equal bounds make them constant.
    """

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.low, self.high = low, high

    def bind(self, params: Params) -> None:
        """One rate for each number."""
        drawn = {name: torch.empty_like(p).uniform_(self.low, self.high) for name, p in params.items()}
        self.rates = PerParameter(drawn)

    def update(
        self, grads: Params, state: Any, params: Params, step: int, loss: Tensor
    ) -> tuple[dict[str, Tensor], Any]:
        """One step."""
        return {name: p - self.rates[name] * grads[name] for name, p in params.items()}, state
