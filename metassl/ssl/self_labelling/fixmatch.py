"""FixMatch and its threshold rules: what is sure on a weak view is learned on a strong one.

Legend: U unlabelled, N way.
"""

from typing import ClassVar, Literal

import torch
from torch import Tensor

from metassl.numerics.tensors import Tensors
from metassl.outcomes.classification import one_hot
from metassl.schema.constructor import checked
from metassl.schema.ranges import BelowOne, Share
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.context import Context, Memory
from metassl.ssl.self_labelling.thresholds import RULES, Threshold

OWNER = "threshold"  # of the rule's sums in the memory of a task, and in what it reports


class FixMatch(SSLObjective):
    """Labels unlabelled images by a weak view and has the labels learned on a strong view.

    q_j = one-hot argmax_c p_jc of the weak view, learned on the strong view, with the rule's weight.

    Differs from the paper: the labels are made anew at each inner step of a task, by a predictor that has
    seen a few images; what flex, free and soft follow over a data set is followed over tasks, without what
    is of one class.

    Source: Sohn et al. 2020, eq. 4; rules: see metassl.ssl.self_labelling.thresholds.

    Args:
        rule: fixed, flex, free or soft.
        threshold: τ of fixed and flex, 0..1.
        momentum: of what flex, free and soft follow over outer steps, 0..1.
    """

    views: ClassVar = {"weak": "weak", "strong": "strong"}
    hparams: ClassVar = {"threshold": "unit"}
    redraws = True

    @checked("ssl.objective")
    def __init__(
        self,
        rule: Literal["fixed", "flex", "free", "soft"] = "fixed",
        threshold: Share = 0.8,
        momentum: BelowOne = 0.9,
    ) -> None:
        super().__init__()
        self.rule = Threshold(RULES[rule], momentum)
        self.threshold: float | Tensor = threshold

    def remember(self, context: Context) -> Memory:
        """The rule's sums over U and the inner steps so far, for `report`."""
        if not self.rule.follows:
            return {}
        sums = self.rule.rule.tally(_weak(context), context, self.threshold).detach()
        before = context.memory.get(OWNER)
        return {OWNER: sums if before is None else before + sums}

    def label(self, context: Context) -> SoftLabels:
        """Hard labels of the weak view, for the strong one."""
        p = _weak(context)
        q = one_hot(p.argmax(-1), context.episode.way)
        return SoftLabels(q, self.rule.weigh(p, context, self.threshold), "strong")

    def report(self, memory: Memory) -> Tensors:
        """The rule's sums over the task."""
        return {OWNER: memory[OWNER]} if OWNER in memory else {}

    @torch.no_grad()
    def after_tasks(self, reports: Tensors) -> None:
        """Moves what the rule follows."""
        self.rule.follow(reports[OWNER])


def _weak(context: Context) -> Tensor:
    """[U, N] probabilities of the weak view."""
    return context.constant(context.logits("weak")).softmax(-1)
