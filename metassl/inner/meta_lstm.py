"""The LSTM meta-learner: an update rule with learned gates, one and the same for every parameter.

Legend: n the numbers that adaptation moves, each a row; h hidden size.
"""

from math import exp
from typing import NamedTuple

import torch
from torch import Tensor, nn

from metassl.inner.base import InnerOptimizer
from metassl.numerics.tensors import Tensors
from metassl.schema.ranges import Count, Number, Positive

INPUTS = 4  # gradient and loss, each as two numbers
SHARPNESS = 10.0  # p of the preprocessing


class CellState(NamedTuple):
    """What the learned optimiser remembers of a parameter from step to step.

    Of one parameter: hidden and cell [n, h] of the first layer, the last gates [n, 1].
    """

    hidden: Tensor
    cell: Tensor
    forget: Tensor
    take: Tensor


class MetaLSTM(InnerOptimizer):
    """Takes inner steps by a learned optimiser, a small LSTM that is shared by all parameters.

    φ_t = f_t ∘ φ_{t-1} - i_t ∘ ∇, i_t = σ(W_I [x_t, φ_{t-1}, i_{t-1}] + b_I), f_t alike with f_{t-1}.

    x_t is the output of an LSTM layer over the gradient and the loss, both preprocessed (`preprocess`).
    Coordinates share all weights and see nothing of one another. Gradient and loss are constants of the rule,
    so take model.order=1; θ is the learned c_0.

    Differs from the paper: x_t comes from an LSTM layer, as in the authors' code; in the paper x_t are
    gradient and loss themselves. i starts at MAML's rate and f nearer to 1, for a few steps.

    Source: Ravi & Larochelle 2017, eq. 2 to 5, section 3.2 (sharing, preprocessing). Hidden size from the
    authors' code.

    Args:
        params: see InnerOptimizer.
        hidden: h.
        forget_bias: b_F at the start; large, so that f ≈ 1.
        rate: i at the start, 0..1: b_I = log(rate / (1 - rate)).
    """

    def __init__(
        self, params: Tensors, hidden: Count = 20, forget_bias: Number = 8.0, rate: Positive = 0.1
    ) -> None:
        super().__init__(params)
        self.hidden = hidden
        self.inputs = nn.Linear(INPUTS + hidden, 4 * hidden)
        self.forget_gate, self.take_gate = nn.Linear(hidden + 2, 1), nn.Linear(hidden + 2, 1)
        for layer in (self.inputs, self.forget_gate, self.take_gate):
            nn.init.uniform_(layer.weight, -0.01, 0.01)
            nn.init.zeros_(layer.bias)
        nn.init.constant_(self.forget_gate.bias, forget_bias)
        nn.init.constant_(self.take_gate.bias, float(torch.logit(torch.tensor(rate))))

    def init(self, params: Tensors) -> dict[str, CellState]:
        """Zeros; there were no gates before the first step."""
        return {name: self._empty(p) for name, p in params.items()}

    def update(
        self, grads: Tensors, state: dict[str, CellState], params: Tensors, step: int, loss: Tensor
    ) -> tuple[dict[str, Tensor], dict[str, CellState]]:
        """One step."""
        moved, after = {}, {}
        for name, p in params.items():
            slope = grads[name].detach().reshape(-1, 1)
            after[name] = self._gates(slope, loss.detach(), p.reshape(-1, 1), state[name])
            rows = after[name].forget * p.reshape(-1, 1) - after[name].take * slope
            moved[name] = rows.reshape(p.shape)
        return moved, after

    def _gates(self, slope: Tensor, loss: Tensor, value: Tensor, state: CellState) -> CellState:
        told = preprocess(loss.reshape(1, 1)).expand(len(slope), 2)
        x = torch.cat((preprocess(slope), told, state.hidden), dim=-1)
        enter, forget, out, new = self.inputs(x).chunk(4, dim=-1)
        cell = forget.sigmoid() * state.cell + enter.sigmoid() * new.tanh()
        hidden = out.sigmoid() * cell.tanh()
        f = self.forget_gate(torch.cat((hidden, value, state.forget), dim=-1)).sigmoid()
        i = self.take_gate(torch.cat((hidden, value, state.take), dim=-1)).sigmoid()
        return CellState(hidden, cell, f, i)

    def _empty(self, p: Tensor) -> CellState:
        gate = torch.zeros_like(p).reshape(-1, 1)
        layer = gate.expand(-1, self.hidden)
        return CellState(layer, layer, gate, gate)


def preprocess(x: Tensor) -> Tensor:
    """Brings gradients and losses of any size into a range that a network can read.

    x [n, 1] -> [n, 2]: (log|x| / p, sgn x) where |x| >= e^-p, else (-1, e^p x), p = 10.

    Source: Andrychowicz et al. 2016, appendix A; Ravi & Larochelle 2017, section 3.2.
    """
    size, edge = x.abs(), exp(-SHARPNESS)
    large = size >= edge
    # both branches stay finite: the one that is not taken must give no NaN to a gradient
    first = torch.where(large, size.clamp(min=edge).log() / SHARPNESS, -torch.ones_like(x))
    second = torch.where(large, x.sign(), x / edge)
    return torch.cat((first, second), dim=-1)
