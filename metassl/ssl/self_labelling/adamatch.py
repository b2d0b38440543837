"""AdaMatch: FixMatch with labels aligned to the support's classes, and a threshold by its confidence.

Legend: U unlabelled, S support, N way.
"""

from typing import ClassVar

from torch import Tensor

from metassl.numerics.losses import weighted_mean
from metassl.schema.ranges import Share
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.context import Context


class AdaMatch(SSLObjective):
    """Labels unlabelled images by a weak view, made to have the classes of the support as often as it has.

    q_j ∝ p_j · (mean of p over S) / (mean of p over U), learned on the strong view with
    weight 1[max_c q_jc >= τ·s̄], s̄ the mean over S of max_c p_ic.

    The alignment assumes that U has the classes as often as the support: in balanced tasks it asks for a
    balanced U.

    Differs from the paper: the support is seen without augmentation, and random interpolation of logits,
    which is for batch statistics of two domains, is left out.

    Source: Berthelot et al. 2022 (AdaMatch), section 3 (distribution alignment, relative confidence
    threshold).

    Args:
        threshold: τ, relative to the support's confidence, 0..1.
    """

    views: ClassVar = {"weak": "weak", "strong": "strong"}
    hparams: ClassVar = {"threshold": "unit"}
    redraws = True

    def __init__(self, threshold: Share = 0.9) -> None:
        super().__init__()
        self.threshold: float | Tensor = threshold

    def label(self, context: Context) -> SoftLabels:
        """Aligned labels of the weak view, for the strong one."""
        given, s_weight = (
            context.constant(context.support_logits()).softmax(-1),
            context.episode.support_weight,
        )
        p = context.constant(context.logits("weak")).softmax(-1)
        q = aligned(p, _mean(given, s_weight), _mean(p, context.weight))
        bar = self.threshold * weighted_mean(given.amax(-1), s_weight)
        return SoftLabels(q, (q.amax(-1) >= bar).to(q.dtype), "strong")


def aligned(p: Tensor, wanted: Tensor, found: Tensor) -> Tensor:
    """Distributions p [n, N] whose mean is nearer to one mean [N] than to another, the one that they have."""
    q = p * (wanted / found.clamp(min=1e-12))
    return q / q.sum(-1, keepdim=True).clamp(min=1e-12)


def _mean(p: Tensor, weight: Tensor) -> Tensor:
    """[N] the weighted mean of distributions [n, N]."""
    return (p * weight.unsqueeze(-1)).sum(0) / weight.sum().clamp(min=1e-12)
