"""A linear classifier that networks write from the mean feature of each class.

Legend: N way, D features, n fitted items, m items to classify.
"""

from typing import NamedTuple

from torch import Tensor, nn

from metassl.heads.base import Head
from metassl.numerics.geometry import class_means


class Linear(NamedTuple):
    """A classifier of a task: weight [N, D], bias [N]."""

    weight: Tensor
    bias: Tensor


class GeneratedLinear(Head):
    """Writes a linear classifier whose row for a class is generated from the class's mean.

    logits_jc = w_c·z_j + b_c, w_c = μ_c + ψ_w(μ_c), b_c = ψ_b(μ_c) - ‖μ_c‖²/2, μ_c the mean of class c.

    One ψ for all classes, so the names of the classes mean nothing. With soft labels the means are those of
    soft k-means, and a refit is a step of EM. ψ starts at 0, and the head so as the prototypes of
    Snell et al. 2017 (section 2.4, with half the distance); the original has no such start, but
    a backbone that was trained before.
    Source: Requeima et al. 2019, section 2.2 (ψ as in Gordon et al. 2019; three layers with ELU and the
    residual μ_c as in their code); refits with soft labels Bateni et al. 2022 (Transductive CNAPs).

    Args:
        features: D.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight, self.bias = _network(features, features), _network(features, 1)

    def fit(self, z: Tensor, q: Tensor, w: Tensor) -> Linear:
        """The classifier; rows without a label have no part in it."""
        mean = class_means(z, q.to(z.dtype), w)
        return Linear(mean + self.weight(mean), self.bias(mean).squeeze(-1) - mean.square().sum(-1) / 2)

    def logits(self, state: Linear, z: Tensor) -> Tensor:
        """[m, N] linear logits."""
        return z @ state.weight.T + state.bias


def _network(features: int, size: int) -> nn.Sequential:
    """Three layers with ELU; the last starts at 0."""
    last = nn.Linear(features, size)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(
        nn.Linear(features, features), nn.ELU(), nn.Linear(features, features), nn.ELU(), last
    )
