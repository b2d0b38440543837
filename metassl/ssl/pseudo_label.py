"""Pseudo-labels: the predictor's own most likely class, where it is sure of it."""

from typing import ClassVar

from metassl.losses import gate, one_hot
from metassl.ssl.base import Context, SoftLabels, SSLObjective


class PseudoLabel(SSLObjective):
    """q_j = one-hot argmax_c p_jc, weight 1[max_c p_jc >= τ]; no gradient through the labels.

    Source: Lee 2013, eq. 15 (τ = 0); the threshold as in Sohn et al. 2020, eq. 4, without views.

    Args:
        threshold: τ, 0..1.
    """

    views: ClassVar = {"plain": "plain"}

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.threshold = threshold

    def label(self, context: Context) -> SoftLabels:
        """Hard labels of the plain view."""
        sure, best = context.constant(context.logits("plain")).softmax(-1).max(-1)
        q = one_hot(best, context.episode.way)
        return SoftLabels(q, gate(sure, self.threshold), "plain")
