"""Pseudo-labels: the predictor's own labels for U, where it is sure of them.

Legend: U unlabelled, N way.
"""

from typing import ClassVar

from torch import Tensor

from metassl.numerics.losses import gate
from metassl.outcomes.classification import one_hot
from metassl.schema.ranges import Count, Positive, Share
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.context import Context
from metassl.ssl.mixing import sharpen


class PseudoLabel(SSLObjective):
    """Labels an unlabelled image as the predictor does, where the predictor is sure.

    q_j = one-hot argmax_c p_jc, weight 1[max_c p_jc >= τ]; no gradient through the labels.

    Source: Lee 2013, eq. 15 (τ = 0); the threshold as in Sohn et al. 2020, eq. 4, without views.

    Args:
        threshold: τ, 0..1.
    """

    views: ClassVar = {"plain": "plain"}
    hparams: ClassVar = {"threshold": "unit"}

    def __init__(self, threshold: Share = 0.8) -> None:
        super().__init__()
        self.threshold: float | Tensor = threshold

    def label(self, context: Context) -> SoftLabels:
        """Hard labels of the plain view."""
        sure, best = _probabilities(context).max(-1)
        return SoftLabels(one_hot(best, context.episode.way), gate(sure, self.threshold), "plain")


class SoftPseudoLabel(SSLObjective):
    """Labels an unlabelled image by the sharpened prediction, where the predictor is sure.

    q_j = p_j sharpened by T, weight 1[max_c p_jc >= τ].

    Source: the soft labels of Xie et al. 2020 (UDA), section 2.3 (T and τ as there), without views.

    Args:
        threshold: τ, 0..1.
        temperature: T, above 0; 1 keeps p, T -> 0 gives hard labels.
    """

    views: ClassVar = {"plain": "plain"}
    hparams: ClassVar = {"threshold": "unit", "temperature": "positive"}

    def __init__(self, threshold: Share = 0.8, temperature: Positive = 0.5) -> None:
        super().__init__()
        self.threshold: float | Tensor = threshold
        self.temperature: float | Tensor = temperature

    def label(self, context: Context) -> SoftLabels:
        """Soft labels of the plain view."""
        p = _probabilities(context)
        q = sharpen(p, self.temperature, context.episode.class_mask)
        return SoftLabels(q, gate(p.amax(-1), self.threshold), "plain")


class TopPerClass(SSLObjective):
    """Labels, for each class, the few unlabelled images of which the predictor is surest.

    q_j = one-hot argmax_c p_jc for the k surest images of each predicted class, where max_c p_jc >= τ.

    So no class can take over U, as it can with a threshold alone.
    Source: the hard selection of Li et al. 2019 (LST), section 4.1 (there τ = 0).

    Args:
        threshold: τ, 0..1.
        top_k: k, images that a class may take, 1 or more.
    """

    views: ClassVar = {"plain": "plain"}
    hparams: ClassVar = {"threshold": "unit"}

    def __init__(self, threshold: Share = 0.0, top_k: Count = 3) -> None:
        super().__init__()
        self.threshold: float | Tensor = threshold
        self.top_k = top_k

    def label(self, context: Context) -> SoftLabels:
        """Hard labels of the plain view."""
        sure, best = _probabilities(context).max(-1)
        q = one_hot(best, context.episode.way)
        chosen = (_ranks(sure, q, context.weight) < self.top_k).to(sure.dtype)
        return SoftLabels(q, gate(sure, self.threshold) * chosen, "plain")


def _probabilities(context: Context) -> Tensor:
    return context.constant(context.logits("plain")).softmax(-1)


def _ranks(sure: Tensor, q: Tensor, weight: Tensor) -> Tensor:
    """[U] how many images of weight are ahead of j in its class: surer, or as sure and earlier in U."""
    ahead = sure.unsqueeze(0) > sure.unsqueeze(1)  # [j, i]: i is surer than j
    tie = (sure.unsqueeze(0) == sure.unsqueeze(1)).tril(-1)
    rival = (q @ q.T) * (weight > 0).to(q.dtype)
    return ((ahead | tie).to(q.dtype) * rival).sum(-1)
