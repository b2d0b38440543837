"""Class means and class covariances: the distance of Mahalanobis, with covariances kept regular.

Legend: N way, n rows, m items to classify, D features.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from metassl.heads.base import Head
from metassl.numerics.geometry import centre, class_means
from metassl.numerics.precision import full_precision
from metassl.schema.ranges import Positive


class Gaussians(NamedTuple):
    """What is known of the classes: mean [N, D], and precision [N, D, D], the inverse covariance."""

    mean: Tensor
    precision: Tensor


class Mahalanobis(Head):
    """Classifies by the distance to each class's mean, measured in the spread of that class.

    logits_jc = -½ (z_j - μ_c)ᵀ Q_c⁻¹ (z_j - μ_c), Q_c = λ_c Σ_c + (1 - λ_c) Σ + β I, λ_c = k_c / (k_c + 1).

    k_c = Σ_j w_j q_jc is the number of rows of class c, Σ_c their covariance around μ_c and Σ that of all
    labelled rows. So few rows of a class lean on the spread of the whole task. Nothing here is learned. With
    soft labels of U a refit is the cluster refinement of Transductive CNAPs (Bateni et al. 2022).
    A class without rows has mean 0.

    Source: Bateni et al. 2020 (Simple CNAPS), eq. 2 and 3; sums with soft labels as in the code of Bateni et
    al. 2022.

    Differs from the paper: Σ_c is divided by k_c and not by k_c - 1, as in the code of the transductive
    sequel, since a soft count may be 1 and less. One row has Σ_c = 0, where the first code has the variance
    over its features in every place of the matrix.

    Args:
        ridge: β, above 0.
    """

    def __init__(self, ridge: Positive = 1.0) -> None:
        super().__init__()
        self.ridge = ridge

    @full_precision
    def fit(self, z: Tensor, q: Tensor, w: Tensor) -> Gaussians:
        """Means and precisions; rows without a label have no part in it."""
        mass = (q * w.unsqueeze(-1)).to(z.dtype)
        count = mass.sum(0)
        mean = class_means(z, q.to(z.dtype), w.to(z.dtype))
        near = z.unsqueeze(1) - mean
        own = torch.einsum("jc,jcd,jce->cde", mass, near, near) / count.clamp(min=1e-12).view(-1, 1, 1)
        share = (count / (count + 1)).view(-1, 1, 1)
        regular = self.ridge * torch.eye(z.shape[-1], dtype=z.dtype, device=z.device)
        spread = share * own + (1 - share) * _covariance(z, mass.sum(-1)) + regular
        return Gaussians(mean, torch.linalg.inv(spread))

    @full_precision
    def logits(self, state: Gaussians, z: Tensor) -> Tensor:
        """[m, N] logits."""
        near = z.unsqueeze(1) - state.mean
        return -torch.einsum("jcd,cde,jce->jc", near, state.precision, near) / 2


def _covariance(z: Tensor, w: Tensor) -> Tensor:
    """[D, D] of rows with weights, divided by their sum less 1 as long as that is 1 or more."""
    off = z - centre(z, w)
    return off.T @ (w.unsqueeze(-1) * off) / (w.sum() - 1).clamp(min=1)
