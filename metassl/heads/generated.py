"""A linear classifier that networks write from the mean feature of each class.

Legend: N way, D features, n fitted items, m items to classify.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from metassl.heads.base import Head
from metassl.heads.kernel_regression import role_of
from metassl.numerics.geometry import class_means
from metassl.numerics.precision import full_precision
from metassl.outcomes.base import Outcome


class Linear(NamedTuple):
    """A classifier of a task: weight [N, D], bias [N]."""

    weight: Tensor
    bias: Tensor


class GeneratedLinear(Head):
    """Writes a linear classifier whose row for a class is generated from the class's mean.

    logits_jc = w_c·z_j + b_c, w_c = μ_c + ψ_w(μ_c), b_c = ψ_b(μ_c) - ‖μ_c‖²/2, μ_c the mean of class c.

    One ψ for all classes, so the names of the classes mean nothing. With soft labels the means are those of
    soft k-means, and a refit is a step of EM. ψ starts at 0, and the head so as the prototypes of
    Snell et al. 2017 (section 2.4, with half the distance).
    Source: Requeima et al. 2019, section 2.2 (ψ as in Gordon et al. 2019; three layers with ELU and the
    residual μ_c as in their code); refits with soft labels Bateni et al. 2022 (Transductive CNAPs).

    Of values, w_k = r_k + ψ_w(r_k) and b_k = c_k + ψ_b(r_k), where r_k·z + c_k is the ridge regression onto
    value k (λ = 1): the same networks, which start at the closed form there too. That form is ours.

    Differs from the paper: the start as prototypes, where the original has random networks on a backbone that
    was trained before.

    Args:
        features: D.
    """

    outcomes = (Outcome,)

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight, self.bias = _network(features, features), _network(features, 1)

    def of(self, outcome: Outcome) -> Head:
        """See Head."""
        return role_of(outcome, self, _GeneratedValues(self.weight, self.bias))

    def fit(self, z: Tensor, q: Tensor, w: Tensor) -> Linear:
        """The classifier; rows without a label have no part in it."""
        mean = class_means(z, q.to(z.dtype), w)
        return Linear(mean + self.weight(mean), self.bias(mean).squeeze(-1) - mean.square().sum(-1) / 2)

    def logits(self, state: Linear, z: Tensor) -> Tensor:
        """[m, N] linear logits."""
        return z @ state.weight.T + state.bias


class _GeneratedValues(Head):
    """Writes a linear predictor of values, see GeneratedLinear; weight and bias are its networks."""

    def __init__(self, weight: nn.Module, bias: nn.Module) -> None:
        super().__init__()
        self.weight, self.bias = weight, bias

    @full_precision
    def fit(self, z: Tensor, q: Tensor, w: Tensor) -> Linear:
        """The predictor."""
        share = (w / w.sum().clamp(min=1e-12)).to(z.dtype).unsqueeze(-1)
        mean_z, mean_q = (share * z).sum(0), (share * q).sum(0).to(z.dtype)
        centred, rows = z - mean_z, w.to(z.dtype).unsqueeze(-1) * (q - mean_q)
        gram = centred.T @ (w.to(z.dtype).unsqueeze(-1) * centred)
        one = torch.eye(len(gram), dtype=z.dtype, device=z.device)
        r = torch.linalg.solve(gram + one, centred.T @ rows).T
        return Linear(r + self.weight(r), self.bias(r).squeeze(-1) + mean_q - r @ mean_z)

    def logits(self, state: Linear, z: Tensor) -> Tensor:
        """[m, K] values."""
        return z @ state.weight.T + state.bias


def _network(features: int, size: int) -> nn.Sequential:
    """Three layers with ELU; the last starts at 0."""
    last = nn.Linear(features, size)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(
        nn.Linear(features, features), nn.ELU(), nn.Linear(features, features), nn.ELU(), last
    )
