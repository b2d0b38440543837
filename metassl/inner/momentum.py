"""SGD with momentum as an inner optimiser."""

import torch
from torch import Tensor

from metassl.inner.base import InnerOptimizer
from metassl.numerics.tensors import Tensors
from metassl.schema.ranges import BelowOne, NotNegative, Positive, Share


class Momentum(InnerOptimizer):
    """Takes gradient steps with momentum and weight decay, at a fixed rate.

    g = ∇ + wd·φ; b ← μ b + (1 - τ) g, but b = g at first; φ ← φ - α b. As in torch.optim.SGD.

    Args:
        params: see InnerOptimizer.
        rate: α, fixed.
        momentum: μ; dampening: τ; weight_decay: wd.
    """

    def __init__(
        self,
        params: Tensors,
        rate: Positive = 0.01,
        momentum: BelowOne = 0.9,
        dampening: Share = 0.9,
        weight_decay: NotNegative = 0.001,
    ) -> None:
        super().__init__(params)
        self.rate, self.momentum = rate, momentum
        self.dampening, self.weight_decay = dampening, weight_decay

    def init(self, params: Tensors) -> dict[str, Tensor]:
        """b before the first step."""
        return {name: torch.zeros_like(p) for name, p in params.items()}

    def update(
        self, grads: Tensors, state: dict[str, Tensor], params: Tensors, step: int, loss: Tensor
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """One step."""
        fresh = 1.0 if step == 0 else 1 - self.dampening
        decayed = {n: grads[n] + self.weight_decay * p for n, p in params.items()}
        buffer = {n: self.momentum * state[n] + fresh * g for n, g in decayed.items()}
        return {n: p - self.rate * buffer[n] for n, p in params.items()}, buffer
