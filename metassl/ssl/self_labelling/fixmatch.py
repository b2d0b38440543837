"""FixMatch and its threshold rules: what is sure on a weak view is learned on a strong one.

Legend: U unlabelled, N way.
"""

from typing import ClassVar

from torch import Tensor

from metassl.errors import ConfigError, one_of
from metassl.outcomes.classification import one_hot
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.context import Context
from metassl.ssl.self_labelling.thresholds import RULES


class FixMatch(SSLObjective):
    """q_j = one-hot argmax_c p_jc of the weak view, learned on the strong view, with the rule's weight.

    Source: Sohn et al. 2020, eq. 4; rules: see metassl.ssl.self_labelling.thresholds.

    Args:
        rule: fixed, flex, free or soft.
        threshold: τ of fixed and flex, 0..1.
        momentum: of the moving averages of free and soft over inner steps, 0..1.
    """

    views: ClassVar = {"weak": "weak", "strong": "strong"}
    hparams: ClassVar = {"threshold": "unit"}

    def __init__(self, rule: str, threshold: float, momentum: float) -> None:
        super().__init__()
        if rule not in RULES:
            raise ConfigError(one_of("ssl.objective.rule", rule, RULES))
        self.rule, self.momentum = RULES[rule], momentum
        self.threshold: float | Tensor = threshold

    def label(self, context: Context) -> SoftLabels:
        """Hard labels of the weak view, for the strong one."""
        p = context.constant(context.logits("weak")).softmax(-1)
        q = one_hot(p.argmax(-1), context.episode.way)
        return SoftLabels(q, self.rule(p, context, self.threshold, self.momentum), "strong")
