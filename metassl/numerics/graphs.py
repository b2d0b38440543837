"""Graphs over the points of a task: who is near whom, whatever the scale of the features.

Legend: n points (S + U of a task), N way, D features.
"""

import torch
from torch import Tensor

from metassl.numerics.geometry import squared_distances, unit

TINY = 1e-12


def affinity(x: Tensor, weight: Tensor, k: int) -> Tensor:
    """W_ij = w_i w_j exp(-‖x_i - x_j‖² / (σ_i σ_j)) if i is among the k nearest of j or j among those of i.

    σ_i is the distance from i to its k-th neighbour, so W is the same for c·x as for x. With fewer than k
    other points, the farthest one gives σ_i.
    Source: Zelnik-Manor & Perona 2004, section 2 (local scaling; there k = 7 and no edge is left out).

    Args:
        x: [n, D] features; weight: [n] in 0..1, a point of weight 0 has no edge.
        k: number of neighbours, 1 or more.

    Returns:
        [n, n] symmetric, 0..1, with a zero diagonal.
    """
    d = squared_distances(x, x)
    present = weight > 0
    itself = torch.eye(len(x), dtype=torch.bool, device=x.device)
    pairs = present.unsqueeze(0) & present.unsqueeze(1) & ~itself
    nearest = torch.where(pairs, d, torch.inf).topk(min(k, len(x) - 1), largest=False).values
    reach = torch.where(nearest.isfinite(), nearest, 0).amax(-1)  # σ_i²
    near = (d <= reach.unsqueeze(1)) | (d <= reach.unsqueeze(0))
    scale = reach.clamp(min=TINY).sqrt()
    close = torch.exp(-d / (scale.unsqueeze(1) * scale.unsqueeze(0)))
    return close * weight.unsqueeze(1) * weight.unsqueeze(0) * (pairs & near)


def cosine_affinity(x: Tensor, weight: Tensor, k: int, power: int) -> Tensor:
    """Joins each point to its most alike, by the cosine.

    A + Aᵀ, A_ij = w_i w_j max(0, cos(x_i, x_j))^power if j is among the k most alike to i.

    Source: Iscen et al. 2019, eq. 9, with power 3.

    Args:
        x: [n, D] features; weight: [n] in 0..1, a point of weight 0 has no edge.
        k: number of neighbours, 1 or more; power: 1 or more.

    Returns:
        [n, n] symmetric, with a zero diagonal.
    """
    z = unit(x)
    present = weight > 0
    itself = torch.eye(len(x), dtype=torch.bool, device=x.device)
    pairs = present.unsqueeze(0) & present.unsqueeze(1) & ~itself
    cosine = torch.where(pairs, z @ z.T, -torch.inf)
    least = cosine.topk(min(k, len(x) - 1)).values[:, -1:]
    near = torch.where(pairs & (cosine >= least), cosine, 0).clamp(min=0) ** power
    a = near * weight.unsqueeze(1) * weight.unsqueeze(0)
    return a + a.T


def normalised(w: Tensor) -> Tensor:
    """D^{-1/2} W D^{-1/2}, D the row sums of W; a point without an edge keeps none: W [n, n] -> [n, n]."""
    degree = w.sum(-1)
    root = torch.where(degree > 0, degree.clamp(min=TINY).rsqrt(), 0)
    return root.unsqueeze(1) * w * root.unsqueeze(0)


def connected(w: Tensor, weight: Tensor, share: float | Tensor) -> Tensor:
    """W plus a weak edge w_i w_j ε between all points, so that no part of the graph is cut off.

    ε is `share` times the mean entry of W: a point's weak edges sum to about `share` of the mean degree.
    """
    total = weight.sum().clamp(min=TINY)
    weak = share * w.sum() / total.square() * weight.unsqueeze(1) * weight.unsqueeze(0)
    return w + weak - torch.diag(torch.diagonal(weak))
