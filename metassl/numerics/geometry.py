"""Weighted means and squared distances of features.

Legend: n items, N way, D features.
"""

import torch
from torch import Tensor

from metassl.numerics.precision import full_precision


@full_precision
def class_means(z: Tensor, q: Tensor, w: Tensor) -> Tensor:
    """p_c = Σ_j w_j q_jc z_j / Σ_j w_j q_jc: z [n, D], q [n, N], w [n] -> [N, D]."""
    mass = q * w.unsqueeze(-1)
    return (mass.T @ z) / mass.sum(0).clamp(min=1e-12).unsqueeze(-1)


def centre(z: Tensor, w: Tensor) -> Tensor:
    """Σ_j w_j z_j / Σ_j w_j, 0 where every weight is 0: z [n, D], w [n] -> [D]."""
    return class_means(z, torch.ones_like(w).unsqueeze(-1), w).squeeze(0)


def squared_distances(z: Tensor, p: Tensor) -> Tensor:
    """‖z_j - p_c‖², a sum over D, not a mean: z [n, D], p [N, D] -> [n, N]."""
    # Squares of differences, not |z|² - 2zp + |p|²: that one loses half of the digits near 0.
    return (z.unsqueeze(1) - p.unsqueeze(0)).square().sum(-1)


def unit(x: Tensor) -> Tensor:
    """Scales every row to length 1, safely for a row of zeros.

    x_i / ‖x_i‖: [n, D] -> [n, D]; a row of zeros stays, with a gradient of 0 and not NaN.
    """
    return x * torch.rsqrt(x.square().sum(-1, keepdim=True).clamp(min=1e-12))


def directions(x: Tensor, w: Tensor) -> Tensor:
    """Where each item lies, seen from the middle of all; how far, or how large features are, is left out.

    (x_i - centre) / ‖x_i - centre‖: x [n, D], w [n] >= 0 weights of the centre -> [n, D].
    """
    return unit(x - centre(x, w))
