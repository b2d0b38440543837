"""A teacher that labels U and hears what its labels were worth.

Legend: N way, S support, U unlabelled, Q query, K steps of the teacher.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from metassl.numerics.derivative import gradient
from metassl.numerics.losses import gate, weighted_mean
from metassl.numerics.tensors import Tensors
from metassl.outcomes.classification import one_hot, soft_cross_entropy
from metassl.schema.ranges import NotNegative, Positive, Share, Whole
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.context import Context, Memory

OWNER = "meta_pseudo_labels"  # of the teacher's labels in the memory of a task


class MetaPseudoLabels(SSLObjective):
    """Labels by a teacher, another network, that learns from how much its labels helped on the queries.

    The learner is the student; its labels are ŷ_j = argmax_c T(u_j), constants, given once a task.

    The teacher T is a learner of the student's size with parameters of its own. It meets a task as the
    student does: by K gradient steps on CE(T(S), y) on what the student's inner loop moves, or by the
    student's closed form. Its loss is h·CE(T(U), ŷ) + CE(T(Q), y) + λ_u·UDA, h = CE(Q) before - CE(Q) after
    the student learned from ŷ: labels that LOWERED the loss become more likely, those that raised it less so.
    UDA = mean over U of 1[max_c T(u_j) >= τ_u]·CE(T(strong view), softmax(T(u_j) / T_u)), its target a
    constant.

    Differs from the paper: h is measured on the queries and not by a first-order estimate; the teacher is a
    meta-learner, whose labelled loss is that of the queries after it adapted to S; labels that it is not sure
    of are left out (threshold=0 takes all, as the paper does).

    Source: Pham et al. 2021, section 2 and appendix A, eq. 10 to 12; UDA: Xie et al. 2020, section 2.

    Args:
        parameters: the learner's parameters by name, which the teacher starts from.
        threshold: τ, 0..1: labels whose probability by the teacher is below it have no weight.
        steps: K; 0 for a closed form.
        rate: of the teacher's steps at first; one for each step is learned.
        uda_weight: λ_u, 0 or more.
        uda_threshold: τ_u, 0..1.
        uda_temperature: T_u, above 0; below 1 it sharpens.
    """

    views: ClassVar = {"plain": "plain", "strong": "strong"}
    wants_feedback = True

    def __init__(
        self,
        parameters: Tensors,
        threshold: Share = 0.8,
        steps: Whole = 0,
        rate: Positive = 0.1,
        uda_weight: NotNegative = 1.0,
        uda_threshold: Share = 0.6,
        uda_temperature: Positive = 0.7,
    ) -> None:
        super().__init__()
        self.threshold, self.steps = threshold, steps
        self.uda_weight, self.uda_threshold = uda_weight, uda_threshold
        self.uda_temperature = uda_temperature
        self.rates_of_steps = nn.Parameter(torch.full((max(steps, 1),), float(rate)))
        self.teacher = nn.ParameterDict(
            {_key(name): nn.Parameter(p.detach().clone(), p.requires_grad) for name, p in parameters.items()}
        )

    def remember(self, context: Context) -> Memory:
        """The teacher's probabilities on U, which it gives at the first step of a task."""
        if OWNER in context.memory:
            return {OWNER: context.memory[OWNER]}
        return {OWNER: self.seen_by_teacher(context, 1).predictions("plain").detach()}

    def label(self, context: Context) -> SoftLabels:
        """The teacher's hard labels of the plain view."""
        sure, best = context.memory[OWNER].max(-1)
        return SoftLabels(one_hot(best, context.episode.way), gate(sure, self.threshold), "plain")

    def feedback(self, context: Context, advantage: Tensor) -> Tensor:
        """h·CE(T(U), ŷ) + CE(T(Q), y) + λ_u·UDA."""
        episode, given = context.episode, self.label(context)
        teacher = self.seen_by_teacher(context, 2)
        on_u = soft_cross_entropy(teacher.logits("plain"), given.q)
        heard = advantage * weighted_mean(on_u, given.weight * context.weight)
        queries = teacher.classify(teacher.embed(episode.query_x, episode.query_weight))
        return heard + episode.query_loss(queries) + self.uda_weight * self.uda(teacher)

    def uda(self, teacher: Context) -> Tensor:
        """The teacher's own consistency: its strong view must predict what it says of the plain one."""
        logits = teacher.logits("plain").detach()
        target = (logits / self.uda_temperature).softmax(-1)
        sure = gate(logits.softmax(-1).amax(-1), self.uda_threshold)
        each = sure * soft_cross_entropy(teacher.logits("strong"), target)
        return weighted_mean(each, teacher.unlabelled.weight)

    def seen_by_teacher(self, context: Context, order: int) -> Context:
        """The task through the teacher once it adapted to S; order 2 differentiates through its steps."""
        own = {name: self.teacher[_key(name)] for name in self.names()}

        def loss(moved: Tensors) -> tuple[Tensor, tuple[()]]:
            return context.episode.support_loss(context.under({**own, **moved}).support_logits()), ()

        # what a learner generates for each task has no values of its own: the student's
        moved: Tensors = {name: own.get(name, p.detach()) for name, p in context.params.items()}
        for k in range(self.steps):
            slope, _ = gradient(loss, moved, order)
            moved = {name: p - self.rates_of_steps[k] * slope[name] for name, p in moved.items()}
        return context.under({**own, **moved})

    def names(self) -> list[str]:
        """Of the learner's parameters that the teacher has its own values of."""
        return [key.replace(":", ".") for key in self.teacher]


def _key(name: str) -> str:
    return name.replace(".", ":")  # a parameter's name has no dot
