"""MetaOptNet: a multi-class support vector machine, solved through its dual.

Legend: N way, n labelled rows, m items to classify, D features.
"""

import torch
from torch import Tensor, nn

from metassl.heads.base import Head
from metassl.numerics.precision import full_precision
from metassl.schema.ranges import Count, Positive


class SVM(Head):
    """Classifies by a linear support vector machine that is trained anew for each task.

    logits = γ·zW, W = argmin_W ½‖W‖² + C Σ_i w_i ξ_i, ξ_i = max_c(s_ic - q_ic) - Σ_c q_ic (s_ic - q_ic),
    s = zW.

    For hard labels ξ_i = max_c(s_ic + 1[c ≠ y_i]) - s_iy, the hinge of Crammer & Singer; the soft form is
    convex and at least 0 as well. Its dual is max_α Σ_ic q_ic α_ic - ½ Σ_c ‖Σ_i α_ic z_i‖² with
    α_ic ≤ C w_i q_ic and Σ_c α_ic = 0, and W = Σ_i z_i ⊗ α_i. With α = C·w·q - β, each row of β lies in the
    simplex of size C·w_i, onto which the projection is exact. A fixed number of accelerated projected
    gradient steps solves it (Beck & Teboulle 2009, section 4; restarts as in O'Donoghue & Candès 2015,
    section 3.2), and the outer gradient goes through them.

    Differs from the paper: the dual is solved by a fixed number of projected gradient steps that the outer
    gradient goes through; theirs by an interior point method and implicit derivatives.

    Source: Lee et al. 2019, eq. 5 to 8 (primal, γ, dual).

    Args:
        cost: C, above 0.
        scale: initial γ; learned.
        steps: of the solver.
    """

    def __init__(self, cost: Positive = 0.1, scale: Positive = 1.0, steps: Count = 60) -> None:
        super().__init__()
        self.cost, self.steps = cost, steps
        self.scale = nn.Parameter(torch.tensor(float(scale)))

    @full_precision
    def fit(self, z: Tensor, q: Tensor, w: Tensor) -> Tensor:
        """[D, N] weights W."""
        size = self.cost * w.to(z.dtype).unsqueeze(-1)
        return z.T @ solve_dual(z @ z.T, q.to(z.dtype), size, self.steps)

    @full_precision
    def logits(self, state: Tensor, z: Tensor) -> Tensor:
        """[m, N] scaled scores."""
        return self.scale * (z @ state)


def solve_dual(kernel: Tensor, q: Tensor, size: Tensor, steps: int) -> Tensor:
    """Trains the support vector machine by solving its dual problem.

    argmax_α ⟨q, α⟩ - ½⟨α, Kα⟩ over α = size·q - β, β in the simplex of size `size`.

    Args:
        kernel: [n, n] K, positive semi-definite.
        q: [n, N] soft labels.
        size: [n, 1] C·w; a row of size 0 has α = 0.
        steps: of the accelerated projected gradient.

    Returns:
        [n, N] α.
    """
    used = kernel * (size > 0) * (size > 0).T
    rate = 1 / used.square().sum().clamp(min=1e-12).sqrt()  # Frobenius: at least the largest eigenvalue
    alpha = ahead = torch.zeros_like(q * size)
    age = torch.zeros_like(rate)
    for _ in range(steps):
        before, alpha = alpha, _allowed(ahead + rate * (q - used @ ahead), size * q, size)
        # Momentum that points uphill starts anew: without it the last digits take ten times the steps.
        uphill = ((ahead - alpha) * (alpha - before)).sum() > 0
        age = torch.where(uphill, torch.zeros_like(age), age + 1).detach()
        ahead = alpha + (age - 1).clamp(min=0) / (age + 2) * (alpha - before)
    return alpha


def _allowed(alpha: Tensor, top: Tensor, size: Tensor) -> Tensor:
    return top - onto_simplex(top - alpha, size)


def onto_simplex(v: Tensor, size: Tensor) -> Tensor:
    """Projects each row onto the numbers at least 0 that have a given sum.

    The nearest point to each row of v [n, N] among β >= 0 with Σ_c β_c = size [n, 1], size >= 0.

    β = max(v - θ, 0) with θ = max_j (Σ of the j largest - size)/j. Source: Held et al. 1974; Duchi et al.
    2008, Figure 1, where j is the last with v_(j) > θ: the one at which this quotient is largest.
    """
    largest = v.sort(dim=-1, descending=True).values
    count = torch.arange(1, v.shape[-1] + 1, dtype=v.dtype, device=v.device)
    threshold = ((largest.cumsum(-1) - size) / count).amax(-1, keepdim=True)
    return (v - threshold).clamp(min=0)
