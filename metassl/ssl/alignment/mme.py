"""Minimax entropy: prototypes move towards U, and then U's features towards prototypes.

Legend: N way, U unlabelled, D features.
"""

from typing import ClassVar

from torch import Tensor

from metassl.numerics.entropies import tsallis_entropy
from metassl.numerics.geometry import unit
from metassl.numerics.losses import weighted_mean
from metassl.outcomes.classification import mask_classes
from metassl.schema.constructor import checked
from metassl.schema.ranges import Positive
from metassl.ssl.base import SSLObjective
from metassl.ssl.context import Context


class MinimaxEntropy(SSLObjective):
    """Has the head raise the entropy of its predictions on U, and the features lower it.

    penalty = -mean over U of H(p_j), p = softmax((f(ẑ) - f(0)) / T), ẑ = R(z) / ‖z‖, where R leaves z as it
    is and turns its gradient around: a step down it raises H in the head and lowers H in the features.

    For a linear head f(z) = W z + b that is softmax(W ẑ / T), the paper's classifier; for prototypes p_c that
    of W = 2 p, so the cosine of features of one length. A missing class has no part.

    Differs from the paper: the support's own loss is that of the learner's head, theirs of the same cosine
    classifier (model=baseline_pp has one, with a scale of its own). In second-order inner loops the
    gradient's own derivative through the features is turned around too, so order=1 is the method.

    Source: Saito et al. 2019 (MME), eqs. 1 to 4; gradient reversal: Ganin & Lempitsky 2015, section 3.1.

    Args:
        temperature: T > 0.
    """

    views: ClassVar = {"plain": "plain"}
    hparams: ClassVar = {"temperature": "positive"}

    @checked("ssl.objective")
    def __init__(self, temperature: Positive = 0.05) -> None:
        super().__init__()
        self.temperature: float | Tensor = temperature

    def penalty(self, context: Context) -> Tensor:
        """Scalar in -ln N..0."""
        mask, z = context.episode.class_mask, reversed_gradient(context.features("plain"))
        away = context.classify(unit(z)) - context.classify(z.new_zeros(1, z.shape[-1]))
        # missing classes go to 0 before the division: their huge logits would overflow at a small T
        logits = mask_classes(away.masked_fill(~mask, 0) / self.temperature, mask)
        return -weighted_mean(tsallis_entropy(logits.softmax(-1), 1.0), context.weight)


def reversed_gradient(z: Tensor) -> Tensor:
    """The same z, whose gradient comes back with the other sign."""
    return 2 * z.detach() - z
