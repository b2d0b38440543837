"""Matching networks: attention over the labelled rows by the cosine.

Legend: N way, n labelled rows, m items to classify, D features.
"""

from functools import partial
from typing import NamedTuple

from torch import Tensor

from metassl.heads.base import Head
from metassl.heads.kernel_regression import KernelRegression, cosines, role_of
from metassl.numerics.geometry import unit
from metassl.numerics.precision import full_precision
from metassl.outcomes.base import Outcome
from metassl.schema.ranges import Positive

TINY = 1e-30  # e^-69: below every sum that it joins, above float32's smallest number


class LabelledRows(NamedTuple):
    """The labelled rows that queries are compared with.

    z [n, D] directions of length 1, q [n, N] labels, w [n] weights.
    """

    z: Tensor
    q: Tensor
    w: Tensor


class CosineAttention(Head):
    """Classifies a query by attention over the support, weighted by cosine similarity.

    logits_jc = log Σ_i a_ji q_ic, a_ji = w_i exp(s·cos(z_j, z_i)) / Σ_k w_k exp(s·cos(z_j, z_k)).

    Values are predicted by the attention's mean of them (their eq. 1 as it stands).

    Differs from the paper: s is 20 where theirs is 1. There are no full context embeddings (section 2.1.2),
    f = g = the backbone: a recurrent network over the support would break that its order means nothing.

    Source: Vinyals et al. 2016, eq. 1 (the sum) and section 2.1.1 (the attention).

    Args:
        scale: s, above 0. The cosine lies in -1..1, so s = 1 allows no class more than e² times the
            attention of another.
    """

    outcomes = (Outcome,)

    def __init__(self, scale: Positive = 20.0) -> None:
        super().__init__()
        self.scale = scale

    def of(self, outcome: Outcome) -> Head:
        """See Head."""
        return role_of(outcome, self, KernelRegression(partial(cosines, scale=self.scale)))

    @full_precision
    def fit(self, z: Tensor, q: Tensor, w: Tensor) -> LabelledRows:
        """The labelled rows themselves."""
        return LabelledRows(unit(z), q.to(z.dtype), w.to(z.dtype))

    @full_precision
    def logits(self, state: LabelledRows, z: Tensor) -> Tensor:
        """[m, N] log of the share of attention that each class has; finite for a class without a row."""
        cosine = unit(z) @ state.z.T
        attention = (self.scale * cosine + state.w.clamp(min=TINY).log()).softmax(-1)
        return (attention @ state.q).clamp(min=TINY).log()
