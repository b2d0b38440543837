"""Entropy minimisation: decide on every image, and, if wanted, on each class about as often.

Legend: U unlabelled, N way.
"""

from typing import ClassVar

from torch import Tensor

from metassl.numerics.entropies import tsallis_entropy
from metassl.numerics.losses import weighted_mean
from metassl.outcomes.classification import mask_classes
from metassl.schema.constructor import checked
from metassl.schema.ranges import NotNegative, Positive
from metassl.ssl.base import SSLObjective
from metassl.ssl.context import Context


class Entropy(SSLObjective):
    """Asks for predictions on unlabelled images that are sure, and balanced over the classes.

    penalty = mean over U of H(p_j) - m·H(mean over U of p_j), p_j = softmax(f(u_j)/T).

    m = 0 is entropy minimisation; m = 1 the mutual information of images and predictions, negated, which
    keeps one class from taking all of U. TIM weighs its terms otherwise: 0.1 : 1 : 0.1 for the support's
    loss, the marginal and the conditional entropy (its code), that is ssl.weight=1 and m = 10. H is
    Shannon's entropy or, for α ≠ 1, Tsallis's, with which α-TIM replaces it.

    Assumes that U has equally many images of each class where m > 0, the less the larger α is; m = 0 does
    not. A closed-form head ignores a penalty at test: ssl=alpha_tim labels U by these terms there.

    Source: Grandvalet & Bengio 2005, eq. 6 (m = 0, T = 1); Gomes et al. 2010 (RIM), section 2 (m = 1);
    Boudiaf et al. 2020 (TIM), eq. 4; α: Veilleux et al. 2021 (α-TIM), section 4.

    Args:
        marginal_weight: m, 0 or more.
        temperature: T, above 0.
        alpha: α of the entropies, above 0.
    """

    views: ClassVar = {"plain": "plain"}
    hparams: ClassVar = {"temperature": "positive"}

    @checked("ssl.objective")
    def __init__(
        self, marginal_weight: NotNegative = 1.0, temperature: Positive = 1.0, alpha: Positive = 1.0
    ) -> None:
        super().__init__()
        self.marginal_weight, self.alpha = marginal_weight, alpha
        self.temperature: float | Tensor = temperature

    def penalty(self, context: Context) -> Tensor:
        """Scalar in -m·H(uniform) .. H(uniform), H(uniform) = ln N for α = 1."""
        mask, weight = context.episode.class_mask, context.weight
        # Missing classes go to 0 before the division: their huge logits would overflow at a small T.
        logits = context.logits("plain").masked_fill(~mask, 0)
        p = mask_classes(logits / self.temperature, mask).softmax(-1)
        mean = (p * weight.unsqueeze(-1)).sum(0) / weight.sum().clamp(min=1e-12)
        sure = weighted_mean(tsallis_entropy(p, self.alpha), weight)
        return sure - self.marginal_weight * tsallis_entropy(mean, self.alpha)
