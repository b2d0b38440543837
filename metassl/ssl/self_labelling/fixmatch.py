"""FixMatch and its threshold rules: what is sure on a weak view is learned on a strong one.

Legend: U unlabelled, N way.
"""

from typing import ClassVar

from torch import Tensor

from metassl.errors import ConfigError, one_of
from metassl.outcomes.classification import one_hot
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.context import Context, Memory
from metassl.ssl.self_labelling.thresholds import RULES

OWNER = "threshold"  # of the rule's averages in the memory of a task


class FixMatch(SSLObjective):
    """Labels unlabelled images by a weak view and has the labels learned on a strong view.

    q_j = one-hot argmax_c p_jc of the weak view, learned on the strong view, with the rule's weight.

    Source: Sohn et al. 2020, eq. 4; rules: see metassl.ssl.self_labelling.thresholds.

    Args:
        rule: fixed, flex, free or soft.
        threshold: τ of fixed and flex, 0..1.
        momentum: of the moving averages of free and soft over inner steps, 0..1.
    """

    views: ClassVar = {"weak": "weak", "strong": "strong"}
    hparams: ClassVar = {"threshold": "unit"}

    def __init__(self, rule: str = "fixed", threshold: float = 0.8, momentum: float = 0.5) -> None:
        super().__init__()
        if rule not in RULES:
            raise ConfigError(one_of("ssl.objective.rule", rule, RULES))
        self.rule, self.momentum = RULES[rule], momentum
        self.threshold: float | Tensor = threshold

    def remember(self, context: Context) -> Memory:
        """The rule's moving averages over the inner steps."""
        return {OWNER: self.rule.follow(_weak(context), context, context.memory.get(OWNER), self.momentum)}

    def label(self, context: Context) -> SoftLabels:
        """Hard labels of the weak view, for the strong one."""
        p = _weak(context)
        q = one_hot(p.argmax(-1), context.episode.way)
        return SoftLabels(q, self.rule.weigh(p, context, self.threshold, context.memory[OWNER]), "strong")


def _weak(context: Context) -> Tensor:
    """[U, N] probabilities of the weak view."""
    return context.constant(context.logits("weak")).softmax(-1)
