"""Maximum mean discrepancy: the features of S and U have the same distribution.

Legend: S support, U unlabelled, n = S + U rows, D features.
"""

from typing import ClassVar

import torch
from torch import Tensor

from metassl.numerics.geometry import centre
from metassl.numerics.precision import full_precision
from metassl.outcomes.base import Outcome
from metassl.schema.constructor import checked
from metassl.schema.ranges import Count, Positive
from metassl.ssl.base import SSLObjective
from metassl.ssl.context import Context


class MMD(SSLObjective):
    """Asks for unlabelled examples whose features are distributed as those of the support.

    penalty = Σ_i Σ_j σ_i σ_j k(z_i, z_j) over S ∪ U, σ = shares of S, those of U negated: MMD² of the two.
    k(x, y) = mean over m of exp(-‖x - y‖² / (γ_m c)), γ_m = γ·2^m, m = -⌊M/2⌋ .. M - 1 - ⌊M/2⌋,
    where c, a constant, is the mean squared distance between rows of S ∪ U.

    For tasks whose support is of another domain than U (episode=domains). It looks at no label. A closed-form
    head has it in its outer loss, in training alone.

    Differs from the paper: the kernels are averaged, theirs weighed by a quadratic program; and it is the
    biased estimate over all pairs, which is 0 for equal sets, theirs the unbiased one in linear time.

    Source: Long et al. 2015 (DAN), section 3.1; widths around the mean squared distance: their code.

    Args:
        kernels: M.
        bandwidth: γ > 0, of the middle kernel.
    """

    views: ClassVar = {"plain": "plain"}
    outcomes = (Outcome,)

    @checked("ssl.objective")
    def __init__(self, kernels: Count = 5, bandwidth: Positive = 1.0) -> None:
        super().__init__()
        self.widths = [bandwidth * 2.0 ** (m - kernels // 2) for m in range(kernels)]

    def penalty(self, context: Context) -> Tensor:
        """Scalar in 0..2; 0 where there is no U."""
        s, u = context.support_features(), context.features("plain")
        return discrepancy(s, context.episode.support_weight, u, context.weight, self.widths)


@full_precision
def discrepancy(s: Tensor, v: Tensor, u: Tensor, w: Tensor, widths: list[float]) -> Tensor:
    """The squared discrepancy of features s [S, D] and u [U, D] with weights v [S] and w [U].

    By the mean of kernels of these widths, in mean squared distances; 0 without U.
    """
    weight = torch.cat((v, w))
    distance = _squared_distances(torch.cat((s, u)), weight)
    pairs = weight.unsqueeze(-1) * weight
    others = (pairs.sum() - weight.square().sum()).clamp(min=1e-12)
    mean = ((pairs * distance).sum() / others).detach().clamp(min=1e-12)
    similarity = torch.stack([(-distance / (width * mean)).exp() for width in widths]).mean(0)
    sign = torch.cat((_shares(v), -_shares(w)))
    return (sign @ similarity @ sign).clamp(min=0) * (w.sum() > 0)


def _shares(w: Tensor) -> Tensor:
    return w / w.sum().clamp(min=1e-12)


def _squared_distances(z: Tensor, w: Tensor) -> Tensor:
    """[n, n] of rows z [n, D]; from their centre, so that |x|² - 2xy + |y|² keeps its digits."""
    z = z - centre(z, w).detach()
    length = z.square().sum(-1)
    return (length.unsqueeze(-1) + length - 2 * z @ z.T).clamp(min=0)
