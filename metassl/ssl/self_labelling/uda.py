"""UDA: the sharpened prediction on a weak view is learned on a strong one, where it is sure.

Legend: U unlabelled, N way.
"""

from typing import ClassVar

from torch import Tensor

from metassl.numerics.losses import gate
from metassl.schema.ranges import Positive, Share
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.context import Context
from metassl.ssl.mixing import sharpen


class UDA(SSLObjective):
    """Labels unlabelled images softly by a weak view and has the labels learned on a strong view.

    q_j = p_j of the weak view sharpened by T, learned on the strong view, weight 1[max_c p_jc >= τ].

    The cross-entropy with q is the paper's KL divergence up to the entropy of q, a constant. T -> 0 is
    FixMatch.

    Differs from the paper: training signal annealing, which leaves out labelled images that are already
    sure, is not used: a task has a handful of them.

    Source: Xie et al. 2020, eq. 1 and section 2.3 (confidence-based masking, sharpening).

    Args:
        threshold: τ, 0..1.
        temperature: T, above 0.
    """

    views: ClassVar = {"weak": "weak", "strong": "strong"}
    hparams: ClassVar = {"threshold": "unit", "temperature": "positive"}
    redraws = True

    def __init__(self, threshold: Share = 0.8, temperature: Positive = 0.4) -> None:
        super().__init__()
        self.threshold: float | Tensor = threshold
        self.temperature: float | Tensor = temperature

    def label(self, context: Context) -> SoftLabels:
        """Sharpened labels of the weak view, for the strong one."""
        p = context.constant(context.logits("weak")).softmax(-1)
        q = sharpen(p, self.temperature, context.episode.class_mask)
        return SoftLabels(q, gate(p.amax(-1), self.threshold), "strong")
