"""Soft k-means with a learned mask: what is far from a class, as the task's distances go, joins it less.

Legend: N way, S support, U unlabelled, D features.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from metassl.numerics.geometry import class_means, squared_distances
from metassl.outcomes.classification import mask_classes, one_hot
from metassl.schema.ranges import Count, Positive
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.context import Context

TINY = 1e-12


class MaskedSoftKMeans(SSLObjective):
    """Labels by soft k-means and masks out likely distractors, by masks that are learned.

    z_jc = softmax_c(-d_jc), m_jc = σ((exp t0_c - d̃_jc)·exp t2_c); gradients flow through z and m.

    d_jc = ‖h_j - p_c‖², p_c the mean support feature; d̃_jc = d_jc / mean_j d_jc. (t0, t1, t2)_c is an MLP
    (5 → hidden, tanh → 3) of min, max, variance, skewness and excess kurtosis of d̃_·c over U, which are
    constants. The labels are weight_j = Σ_c z_jc m_jc and q_jc = z_jc m_jc / weight_j, so a learner that
    refits prototypes has p̃_c = (Σ labelled h + Σ_j z_jc m_jc h_j) / (count + Σ_j z_jc m_jc).

    Assumes that U has equally many images of each class, in so far as no class is likelier before its
    distance is known; ssl=gmm with weights=learned and ssl=paddle do not.

    Source: Ren et al. 2018, section 3.1.3, in the form of the authors' code. There t1 moves the
    threshold from step to step; with the one step that they take it has no effect and no gradient.

    Args:
        hidden: width of the MLP.
        spread: standard deviation of its initial weights (biases are 0, so that at first m_jc ≈ σ(1 - d̃_jc)).
    """

    views: ClassVar = {"plain": "plain"}
    stop_gradient = False

    def __init__(self, hidden: Count = 20, spread: Positive = 0.01) -> None:
        super().__init__()
        self.thresholds = nn.Sequential(nn.Linear(5, hidden), nn.Tanh(), nn.Linear(hidden, 3))
        for name, p in self.thresholds.named_parameters():
            nn.init.zeros_(p) if name.endswith("bias") else nn.init.trunc_normal_(p, std=spread)

    def label(self, context: Context) -> SoftLabels:
        """Masked soft assignments of the plain view."""
        episode, w = context.episode, context.unlabelled.weight
        u = context.constant(context.features("plain"))
        s = context.constant(context.support_features())
        means = class_means(s, one_hot(episode.support_y, episode.way), episode.support_weight)
        d = squared_distances(u, means)
        mean = _mean(d, w)
        relative = d / torch.where(mean > TINY, mean, 1)
        t = self.thresholds(statistics(relative.detach(), w))
        log_mask = F.logsigmoid((t[:, 0].exp() - relative) * t[:, 2].exp())
        # in logs, since z·m can be 0 for every class to all digits
        log_z = mask_classes(-d, episode.class_mask).log_softmax(-1)
        joined = log_z + log_mask
        return SoftLabels(joined.softmax(-1), joined.logsumexp(-1).exp(), "plain")


def statistics(d: Tensor, w: Tensor) -> Tensor:
    """Summarises the distances of unlabelled images to each prototype, for the mask's network.

    Minimum, maximum, variance, skewness, excess kurtosis over the images with weight: [U, N] -> [N, 5].
    """
    present = (w > 0).unsqueeze(-1) | (
        w.sum() == 0
    )  # without any image: of the padding, which counts nowhere
    low = torch.where(present, d, torch.inf).amin(0)
    high = torch.where(present, d, -torch.inf).amax(0)
    centred = d - _mean(d, w)
    variance = _mean(centred.square(), w)
    scale = torch.where(variance > TINY, variance, 1)
    skewness = _mean(centred**3, w) / scale**1.5
    kurtosis = _mean(centred**4, w) / scale.square() - 3
    return torch.stack((low, high, variance, skewness, kurtosis), dim=-1)


def _mean(x: Tensor, w: Tensor) -> Tensor:
    """[N] weighted mean over the images: x [U, N], w [U]."""
    return (x * w.unsqueeze(-1)).sum(0) / w.sum().clamp(min=TINY)
