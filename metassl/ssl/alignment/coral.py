"""CORAL: the features of S and U vary together in the same way.

Legend: S support, U unlabelled, n rows, D features.
"""

from typing import ClassVar

from torch import Tensor

from metassl.numerics.geometry import centre
from metassl.numerics.precision import full_precision
from metassl.outcomes.base import Outcome
from metassl.ssl.base import SSLObjective
from metassl.ssl.context import Context


class Coral(SSLObjective):
    """Asks for unlabelled examples whose features have the support's covariances.

    penalty = ‖C_S - C_U‖²_F / (4 D²), C = Σ_j w_j (z_j - z̄)(z_j - z̄)ᵀ / (Σ_j w_j - 1).

    For tasks whose support is of another domain than U (episode=domains). It looks at no label, and says
    nothing of the means: DomainBed adds their distance, which is not here. A closed-form head has it in its
    outer loss, in training alone.

    Source: Sun & Saenko 2016 (Deep CORAL), eqs. 1 to 3.
    """

    views: ClassVar = {"plain": "plain"}
    outcomes = (Outcome,)

    def penalty(self, context: Context) -> Tensor:
        """Scalar of at least 0; 0 where there is no U."""
        s, u = context.support_features(), context.features("plain")
        return coral_distance(s, context.episode.support_weight, u, context.weight)


@full_precision
def coral_distance(s: Tensor, v: Tensor, u: Tensor, w: Tensor) -> Tensor:
    """The difference of the covariances of two sets of features.

    ‖C_S - C_U‖²_F / (4 D²) of s [S, D] and u [U, D] with weights v [S] and w [U]; 0 without U.
    """
    apart = (covariance(s, v) - covariance(u, w)).square().sum()
    return apart / (4 * s.shape[-1] ** 2) * (w.sum() > 0)


def covariance(z: Tensor, w: Tensor) -> Tensor:
    """The covariance [D, D] of rows z [n, D] that count w [n]; 0 for one row."""
    away = z - centre(z, w)
    return (away * w.unsqueeze(-1)).T @ away / (w.sum() - 1).clamp(min=1)
