"""Entropy minimisation: decide on every image, and, if wanted, on each class about as often.

Legend: U unlabelled, N way.
"""

from typing import ClassVar

from torch import Tensor

from metassl.numerics.losses import weighted_mean
from metassl.outcomes.classification import mask_classes
from metassl.ssl.base import SSLObjective
from metassl.ssl.context import Context


class Entropy(SSLObjective):
    """Asks for predictions on unlabelled images that are sure, and balanced over the classes.

    penalty = mean over U of H(p_j) - m·H(mean over U of p_j), p_j = softmax(f(u_j)/T).

    Source: Grandvalet & Bengio 2005, eq. 6 (m = 0, T = 1); the second term, which keeps one class from
    taking all of U, is that of Boudiaf et al. 2020 (TIM), eq. 4. It expects classes of equal size in U.

    Args:
        marginal_weight: m, 0 or more.
        temperature: T, above 0.
    """

    views: ClassVar = {"plain": "plain"}
    hparams: ClassVar = {"temperature": "positive"}

    def __init__(self, marginal_weight: float = 1.0, temperature: float = 1.0) -> None:
        super().__init__()
        self.marginal_weight = marginal_weight
        self.temperature: float | Tensor = temperature

    def penalty(self, context: Context) -> Tensor:
        """Scalar in -m·ln N .. ln N."""
        mask, weight = context.episode.class_mask, context.weight
        # Missing classes go to 0 before the division: their huge logits would overflow at a small T.
        logits = context.logits("plain").masked_fill(~mask, 0)
        p = mask_classes(logits / self.temperature, mask).softmax(-1)
        mean = (p * weight.unsqueeze(-1)).sum(0) / weight.sum().clamp(min=1e-12)
        return weighted_mean(_entropy(p), weight) - self.marginal_weight * _entropy(mean)


def _entropy(p: Tensor) -> Tensor:
    """-Σ_c p_c ln p_c over the last dimension; 0·ln 0 = 0, with finite derivatives."""
    return -(p * p.clamp(min=1e-12).log()).sum(-1)
