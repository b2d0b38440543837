"""R2-D2: ridge regression onto the labels, in closed form.

Legend: N way, n labelled rows, m items to classify, D features.
"""

from math import log

import torch
from torch import Tensor, nn

from metassl.heads.base import Head
from metassl.numerics.precision import full_precision
from metassl.outcomes.base import Outcome
from metassl.schema.ranges import Number, Positive


class Ridge(Head):
    """Classifies by ridge regression from features to labels, solved exactly in each task.

    logits = α·zW + β, W = argmin_W Σ_i w_i ‖z_i W - q_i‖² + λ‖W‖²; λ, α and β are learned.

    With P = diag(w), W = (ZᵀPZ + λI)⁻¹ ZᵀPQ, a D×D system, or W = Zᵀ (PZZᵀ + λI)⁻¹ PQ, an n×n one; the
    smaller is solved.
    Source: Bertinetto et al. 2019, eq. 4 (W), 5 (the n×n form, by Woodbury), 6 (α and β).

    Labels may be values as well; then the predictions are in place of the logits.

    Args:
        ridge: initial λ, above 0; learned as log λ.
        scale: initial α, above 0; learned as log α, so that it keeps its sign.
        bias: initial β. The same for all classes: it changes no softmax, but is part of eq. 6.
    """

    outcomes = (Outcome,)

    def __init__(self, ridge: Positive = 1.0, scale: Positive = 1.0, bias: Number = 0.0) -> None:
        super().__init__()
        self.log_ridge = nn.Parameter(torch.tensor(log(ridge)))
        self.log_scale = nn.Parameter(torch.tensor(log(scale)))
        self.bias = nn.Parameter(torch.tensor(float(bias)))

    @full_precision
    def fit(self, z: Tensor, q: Tensor, w: Tensor) -> Tensor:
        """[D, N] weights W."""
        pz, pq = z * w.to(z.dtype).unsqueeze(-1), (q * w.unsqueeze(-1)).to(z.dtype)
        ridge = self.log_ridge.exp().to(z.dtype)
        if z.shape[0] < z.shape[1]:
            return z.T @ torch.linalg.solve(pz @ z.T + ridge * _identity(z, 0), pq)
        return torch.linalg.solve(z.T @ pz + ridge * _identity(z, 1), z.T @ pq)

    @full_precision
    def logits(self, state: Tensor, z: Tensor) -> Tensor:
        """[m, N] scaled regressions."""
        return self.log_scale.exp() * (z @ state) + self.bias


def _identity(z: Tensor, side: int) -> Tensor:
    return torch.eye(z.shape[side], dtype=z.dtype, device=z.device)
