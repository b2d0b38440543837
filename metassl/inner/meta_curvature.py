"""Meta-Curvature: learned matrices that transform the gradient of each layer before the step.

Legend: O output channels, I input channels, d places of a kernel.
"""

from typing import Any

import torch
from torch import Tensor

from metassl.inner.base import InnerOptimizer, PerParameter
from metassl.numerics.precision import full_precision
from metassl.numerics.tensors import Tensors
from metassl.schema.ranges import Positive


class MetaCurvature(InnerOptimizer):
    """Takes gradient steps along gradients that learned matrices transform, layer by layer.

    φ ← φ - α MC(∇), MC(G) = G ×₃ M_f ×₂ M_i ×₁ M_o: MC(G)_oik = Σ_abc M_o,oa M_i,ib M_f,kc G_abc.

    G is the gradient of a convolution [O, I, height, width], its places taken as one dimension [O, I, d], so
    that M_o [O, O], M_i [I, I] and M_f [d, d] mix output channels, input channels and places: the whole
    matrix is M_o ⊗ M_i ⊗ M_f. A linear layer [O, I] has no M_f. Biases and the scales of norms have a factor
    for each number, as in the authors' code. All start at the identity, which is MAML's step; none is asked
    to be symmetric or positive. α is fixed, since the matrices can take any factor; one set of matrices
    serves all inner steps, as in the authors' code for Omniglot. M_i has I² numbers: for a head on many
    features that is most of what is learned.

    Source: Park & Oliva 2019, section 3.

    Args:
        params: see InnerOptimizer; matrices of their sizes.
        rate: α, fixed.
    """

    def __init__(self, params: Tensors, rate: Positive = 0.1) -> None:
        super().__init__(params)
        self.rate = rate
        layers = {name: p for name, p in params.items() if p.dim() > 1}
        kernels = {name: p for name, p in layers.items() if p.dim() > 2}
        self.outputs = PerParameter({name: _identity(p, p.shape[0]) for name, p in layers.items()})
        self.inputs = PerParameter({name: _identity(p, p.shape[1]) for name, p in layers.items()})
        self.places = PerParameter({name: _identity(p, p[0, 0].numel()) for name, p in kernels.items()})
        self.factors = PerParameter({n: torch.ones_like(p) for n, p in params.items() if n not in layers})

    def update(
        self, grads: Tensors, state: Any, params: Tensors, step: int, loss: Tensor
    ) -> tuple[dict[str, Tensor], Any]:
        """One step."""
        return {n: p - self.rate * self.transformed(n, grads[n]) for n, p in params.items()}, state

    @full_precision
    def transformed(self, name: str, g: Tensor) -> Tensor:
        """MC(G) of one parameter, of the shape of G."""
        if g.dim() < 2:
            return self.factors[name] * g
        mixed = self.outputs[name] @ g.flatten(1)  # ×₁
        mixed = self.inputs[name] @ mixed.reshape(*g.shape[:2], -1)  # ×₂, for each output channel
        if g.dim() > 2:
            mixed = mixed @ self.places[name].T  # ×₃
        return mixed.reshape(g.shape)


def _identity(like: Tensor, size: int) -> Tensor:
    return torch.eye(size, dtype=like.dtype, device=like.device)
