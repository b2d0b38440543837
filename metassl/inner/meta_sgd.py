"""Meta-SGD: a learned rate, and so a learned direction, for each single number that adaptation moves."""

from typing import Any

import torch
from torch import Tensor

from metassl.inner.base import InnerOptimizer, PerParameter
from metassl.numerics.tensors import Tensors
from metassl.schema.ranges import Positive


class MetaSGD(InnerOptimizer):
    """Takes gradient steps with a learned rate for every single parameter.

    φ ← φ - α ∘ ∇, α of the shape of φ, learned together with θ; a rate may become negative.

    Differs from the paper: there is one inner step; here further steps take the same α. The rates start at
    one value, where theirs are random in 0.005..0.1.

    Source: Li et al. 2017, eq. 1 and 2, Algorithm 1.

    Args:
        params: see InnerOptimizer; one rate for each of their numbers.
        low, high: the initial rates are uniform in [low, high]; equal bounds make them constant.
    """

    def __init__(self, params: Tensors, low: Positive = 0.1, high: Positive = 0.1) -> None:
        super().__init__(params)
        drawn = {name: torch.empty_like(p).uniform_(low, high) for name, p in params.items()}
        self.rates = PerParameter(drawn)

    def update(
        self, grads: Tensors, state: Any, params: Tensors, step: int, loss: Tensor
    ) -> tuple[dict[str, Tensor], Any]:
        """One step."""
        return {name: p - self.rates[name] * grads[name] for name, p in params.items()}, state
