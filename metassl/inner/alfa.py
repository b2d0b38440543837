"""ALFA: a small network says at each inner step how fast each layer learns and how far it forgets.

Legend: L parameter tensors that adaptation moves ("layers"), K inner steps.
"""

from typing import Any

import torch
from torch import Tensor, nn

from metassl.inner.base import InnerOptimizer, PerParameter
from metassl.numerics.tensors import Tensors
from metassl.schema.ranges import NotNegative, Positive, Whole


class ALFA(InnerOptimizer):
    """Takes gradient steps at rates that a small network makes of the task's gradients and weights.

    φ_l ← (1 - b_lk β_l) φ_l - a_lk α_l ∇_l, (α, β) = g_ψ([mean φ_l]_l, [mean ∇_l]_l).

    One number a layer each: α is a rate, β a weight decay, so rates differ from task to task and from step to
    step. a and b are learned for each layer and step, as in the authors' code. g_ψ is two layers of 2L units.
    Steps beyond the last take the last a and b.

    Differs from the paper: g_ψ starts at α = β = 1, so that the first step is MAML's with weight decay
    (theirs starts at random numbers near 0). It reads each mean divided by the root mean square of its layer,
    as a constant; the means themselves are of size 0.001 and say nothing within a short training.

    Source: Baik et al. 2020, eq. 3 to 5; two layers, a and b, and their values from the authors' code.

    Args:
        params: see InnerOptimizer.
        rate: a at first; decay: b at first, as a share of the rate.
        steps: K, the number of a and b of each layer.
    """

    def __init__(
        self, params: Tensors, rate: Positive = 0.1, decay: NotNegative = 0.0005, steps: Whole = 3
    ) -> None:
        super().__init__(params)
        self.steps, self.layers = max(steps, 1), len(params)
        self.rates = PerParameter({name: torch.full((self.steps,), float(rate)) for name in params})
        self.decays = PerParameter({name: torch.full((self.steps,), rate * decay) for name in params})
        size = 2 * self.layers
        self.generator = nn.Sequential(nn.Linear(size, size), nn.ReLU(), nn.Linear(size, size))
        last = self.generator[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.ones_(last.bias)

    def update(
        self, grads: Tensors, state: Any, params: Tensors, step: int, loss: Tensor
    ) -> tuple[dict[str, Tensor], Any]:
        """One step."""
        k = min(step, self.steps - 1)
        alpha, beta = self.generated(grads, params)
        moved = {}
        for place, (name, p) in enumerate(params.items()):
            kept = 1 - self.decays[name][k] * beta[place]
            moved[name] = kept * p - self.rates[name][k] * alpha[place] * grads[name]
        return moved, state

    def generated(self, grads: Tensors, params: Tensors) -> tuple[Tensor, Tensor]:
        """α [L] and β [L] of a step."""
        means = [_lean(x.detach()) for x in (*params.values(), *(grads[name] for name in params))]
        alpha, beta = self.generator(torch.stack(means)).split(self.layers)
        return alpha, beta


def _lean(x: Tensor) -> Tensor:
    """mean x / √(mean x²), in -1..1: which way a layer's numbers lean."""
    return x.mean() * torch.rsqrt(x.square().mean() + 1e-12)
