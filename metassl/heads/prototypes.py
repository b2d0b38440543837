"""Prototypes: the mean feature of each class, and the squared distance to it."""

import torch
from torch import Tensor

from metassl.heads.base import Head


def class_means(z: Tensor, q: Tensor, w: Tensor) -> Tensor:
    """p_c = Σ_j w_j q_jc z_j / Σ_j w_j q_jc: z [n, D], q [n, N], w [n] -> [N, D]."""
    mass = q * w.unsqueeze(-1)
    return (mass.T @ z) / mass.sum(0).clamp(min=1e-12).unsqueeze(-1)


def squared_distances(z: Tensor, p: Tensor) -> Tensor:
    """‖z_j - p_c‖², a sum over D, not a mean: z [n, D], p [N, D] -> [n, N]."""
    # Squares of differences, not |z|² - 2zp + |p|²: that one loses half of the digits near 0.
    return (z.unsqueeze(1) - p.unsqueeze(0)).square().sum(-1)


class Prototypes(Head):
    """logits_jc = -‖z_j - p_c‖², p_c the weighted mean of class c.

    Source: Snell et al. 2017, eq. 1 and 2; with soft labels Ren et al. 2018, eq. 4.
    """

    def fit(self, z: Tensor, q: Tensor, w: Tensor) -> Tensor:
        """[N, D] prototypes."""
        return class_means(z, q, w)

    def logits(self, state: Tensor, z: Tensor) -> Tensor:
        """[m, N] negative squared distances."""
        with torch.autocast(z.device.type, enabled=False):
            return -squared_distances(z.float() if z.dtype.itemsize < 4 else z, state)
