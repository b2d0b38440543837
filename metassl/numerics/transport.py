"""Entropic optimal transport between weighted points, in the log domain.

Legend: n and m points, D features, a [n] and b [m] weights that sum to 1; a weight of 0 leaves a point out.
"""

import torch
from torch import Tensor

from metassl.numerics.geometry import squared_distances

LOW = -1e10  # log of a weight of 0: finite, since -inf less -inf is NaN


def safe_log(weight: Tensor) -> Tensor:
    """log of weights >= 0, very low and without a gradient where they are 0."""
    return torch.where(weight > 0, weight, 1).log() + LOW * (weight <= 0)


def potentials(
    cost: Tensor, a: Tensor, b: Tensor, reg: float | Tensor, iterations: int
) -> tuple[Tensor, Tensor]:
    """f [n] and g [m] of the dual: the plan is a_i b_j exp((f_i + g_j - C_ij)/ε).

    g_j = -ε log Σ_i a_i exp((f_i - C_ij)/ε), then f_i = -ε log Σ_j b_j exp((g_j - C_ij)/ε); from f = 0.
    After Cuturi 2013, Algorithm 1; the log domain as in Peyré & Cuturi 2019, section 4.4. Differentiable by
    unrolling.

    Args:
        cost: C [n, m]; a: [n]; b: [m].
        reg: ε > 0, in the unit of the cost.
        iterations: of g and f together, 1 or more.
    """
    log_a, log_b = safe_log(a), safe_log(b)
    f, g = torch.zeros_like(a), torch.zeros_like(b)
    for _ in range(iterations):
        g = -reg * torch.logsumexp(log_a.unsqueeze(1) + (f.unsqueeze(1) - cost) / reg, dim=0)
        f = -reg * torch.logsumexp(log_b + (g - cost) / reg, dim=1)
    return f, g


def sinkhorn_plan(cost: Tensor, a: Tensor, b: Tensor, reg: float | Tensor, iterations: int) -> Tensor:
    """The plan P [n, m] >= 0 that minimises ⟨P, C⟩ + ε KL(P | a bᵀ) with row sums a and column sums b.

    Rows sum to a exactly, columns to b as far as the iterations came. See `potentials`.
    """
    f, g = potentials(cost, a, b, reg, iterations)
    return (safe_log(a).unsqueeze(1) + safe_log(b) + (f.unsqueeze(1) + g - cost) / reg).exp()


def sinkhorn_distance(
    x: Tensor, y: Tensor, a: Tensor, b: Tensor, reg: float | Tensor, iterations: int
) -> Tensor:
    """⟨P, C⟩ with C_ij = ‖x_i - y_j‖²: x [n, D], y [m, D] -> scalar (Cuturi 2013).

    W₂² for ε -> 0; for ε > 0 it is above 0 even between a set of points and itself.
    """
    cost = squared_distances(x, y)
    return (sinkhorn_plan(cost, a, b, reg, iterations) * cost).sum()


def sinkhorn_divergence(
    x: Tensor, y: Tensor, a: Tensor, b: Tensor, reg: float | Tensor, iterations: int
) -> Tensor:
    """OT_ε(x, y) - ½ OT_ε(x, x) - ½ OT_ε(y, y): 0 or more, and 0 for equal sets (Feydy et al. 2019, eq. 3).

    OT_ε is the least ⟨P, C⟩ + ε KL(P | a bᵀ), C as in `sinkhorn_distance`; here its dual value Σ a f + Σ b g.
    """

    def between(x: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Tensor:
        f, g = potentials(squared_distances(x, y), a, b, reg, iterations)
        return (a * f).sum() + (b * g).sum()

    return between(x, y, a, b) - 0.5 * between(x, x, a, a) - 0.5 * between(y, y, b, b)
