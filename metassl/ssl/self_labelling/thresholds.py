"""How sure a prediction must be to become a label: fixed, per class, or by the predictor's own confidence.

Each rule maps a task's predictions to weights. What the papers follow over a data set is of two kinds here.
How sure the predictor is, and how far that spreads, is the same thing in every task: it is followed over
the stream of training tasks. Classes change from task to task: what is of one class is the task's own.

Legend: U unlabelled, N way, k numbers that a rule adds up, j numbers that it follows.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from metassl.numerics.losses import gate
from metassl.outcomes.classification import one_hot
from metassl.ssl.context import Context


class Rule(NamedTuple):
    """A threshold rule.

    Attributes:
        weigh: (p [U, N] probabilities, context, τ, level [j]) -> [U] weights in 0..1.
        tally: (p, context, τ) -> [k] sums over U, which may be added up and averaged over steps and tasks.
        level: sums [k] -> [j] what they say, to be followed over tasks.
        size: j.
    """

    weigh: Callable[[Tensor, Context, float | Tensor, Tensor], Tensor]
    tally: Callable[[Tensor, Context, float | Tensor], Tensor]
    level: Callable[[Tensor], Tensor]
    size: int


def fixed(p: Tensor, context: Context, threshold: float | Tensor, level: Tensor) -> Tensor:
    """Keeps the labels whose probability is above a fixed threshold.

    1[max_c p_jc >= τ]. Source: Sohn et al. 2020, eq. 4.
    """
    return gate(p.amax(-1), threshold)


def nothing(p: Tensor, context: Context, threshold: float | Tensor) -> Tensor:
    """Sums nothing up, for rules that follow nothing."""
    return p.new_zeros(0)


def flex(p: Tensor, context: Context, threshold: float | Tensor, level: Tensor) -> Tensor:
    """Keeps labels above a threshold that is lower for classes that are still hard.

    1[max_c p_jc >= τ·M(β_ŷ)], M(β) = β/(2-β), β_c = σ_c / max(σ*, max_b σ_b): a class of which little is
    sure has a lower threshold.

    σ_c is the share of U that passes τ with class c; σ*, the level, that of a task's best class, on average
    over tasks.

    Differs from the paper: σ_c is of the task's own images, and the largest σ of the stream of tasks stands
    for the largest of the data set. No warm-up (eq. 11): it counts the images that never passed τ in all of
    training, and those of a new task are all new; it would keep every threshold below 1/N.

    Source: Zhang et al. 2021 (FlexMatch), eq. 5, 6 and 12.
    """
    sure, best = p.max(-1)
    passed = _passed(p, context, threshold)
    best_class = passed.amax()
    beta = passed / torch.where(level[0] > best_class, level[0], best_class).clamp(min=1e-12)
    lowered = 1 - beta / (2 - beta)
    # The difference is added to the confidence, so that the gate knows whether τ itself is learned.
    return gate(sure + threshold * lowered[best], threshold)


def tally_best_class(p: Tensor, context: Context, threshold: float | Tensor) -> Tensor:
    """What a task tells of its best class: 1, and the largest share of U that passes τ with one, [2]."""
    best = _passed(p, context, threshold).amax()
    return torch.stack((torch.ones_like(best), best))


def _passed(p: Tensor, context: Context, threshold: float | Tensor) -> Tensor:
    """[N] σ_c."""
    sure, best = p.max(-1)
    counts = gate(sure, threshold) * context.weight
    chosen = one_hot(best, p.shape[-1]).to(p.dtype)
    return (chosen * counts.unsqueeze(-1)).sum(0) / context.weight.sum().clamp(min=1e-12)


def free(p: Tensor, context: Context, threshold: float | Tensor, level: Tensor) -> Tensor:
    """Keeps labels above a threshold that follows the predictor's own confidence.

    1[max_c p_jc >= τ_t·p̃_ŷ/max p̃]; the level τ_t follows the mean confidence over tasks, p̃ is the mean
    of p over the task's U. τ is not used.

    Differs from the paper: p̃ is of the task's own images, not followed; the fairness term is left out.

    Source: Wang et al. 2023 (FreeMatch), eq. 5 to 8.
    """
    sure, best = p.max(-1)
    share = (p * context.weight.unsqueeze(-1)).sum(0)
    return (sure >= level[0] * (share / share.amax().clamp(min=1e-12))[best]).to(p.dtype)


def soft(p: Tensor, context: Context, threshold: float | Tensor, level: Tensor) -> Tensor:
    """Weighs labels smoothly by how sure they are, compared with the average.

    exp(-(max_c p_jc - μ)²/(2σ²)) below μ, 1 above; the level μ, σ² follows mean and variance of the
    confidence over tasks. τ is not used.

    Differs from the paper: the classes are not aligned.

    Source: Chen et al. 2023 (SoftMatch), eq. 8 to 10 (λ_max = 1).
    """
    mean, var = level.unbind()
    below = (p.amax(-1) - mean).clamp(max=0)
    return torch.exp(-below.square() / (2 * var.clamp(min=1e-12)))


def tally_confidence(p: Tensor, context: Context, threshold: float | Tensor) -> Tensor:
    """What a task tells of its confidence, sums over U of the weights, of w·s and of w·s², [3]."""
    sure, weight = p.amax(-1), context.weight.to(p.dtype)
    return torch.stack((weight.sum(), (weight * sure).sum(), (weight * sure.square()).sum()))


def mean_of(sums: Tensor) -> Tensor:
    """The mean of the confidence, or of the second sum whatever it is, [1]."""
    return (sums[1] / sums[0].clamp(min=1e-12)).view(1)


def mean_and_variance(sums: Tensor) -> Tensor:
    """Mean and variance of the confidence, [2]; the factor B/(B-1) of a batch of B images is left out."""
    mean, square = sums[1:] / sums[0].clamp(min=1e-12)
    return torch.stack((mean, (square - mean.square()).clamp(min=0)))


RULES: dict[str, Rule] = {
    "fixed": Rule(fixed, nothing, torch.clone, 0),
    "flex": Rule(flex, tally_best_class, mean_of, 1),
    "free": Rule(free, tally_confidence, mean_of, 1),
    "soft": Rule(soft, tally_confidence, mean_and_variance, 2),
}


class Threshold(torch.nn.Module):
    """A rule with the level that it follows over the stream of training tasks.

    level ← m·level + (1 - m)·found, once after each outer step, found the level of all unlabelled images of
    its tasks, over their inner steps. It starts as what the first step found; until then, and so where U
    has no part in training, a task goes by its own images. Tasks only read it, so their order and the
    engine make no difference; validation and test leave it as it is.

    Args:
        rule: the rule.
        momentum: m, 0..1.
    """

    level: Tensor
    followed: Tensor

    def __init__(self, rule: Rule, momentum: float) -> None:
        super().__init__()
        self.rule, self.momentum = rule, momentum
        if rule.size:
            self.register_buffer("level", torch.zeros(rule.size))
            self.register_buffer("followed", torch.zeros(()))  # outer steps so far

    @property
    def follows(self) -> bool:
        """Whether there is a level."""
        return self.rule.size > 0

    def weigh(self, p: Tensor, context: Context, threshold: float | Tensor) -> Tensor:
        """[U] weights of the predictions p [U, N]."""
        return self.rule.weigh(p, context, threshold, self._level(p, context, threshold))

    def _level(self, p: Tensor, context: Context, threshold: float | Tensor) -> Tensor:
        own = self.rule.level(self.rule.tally(p, context, threshold).detach())
        return torch.where(self.followed > 0, self.level.to(own.dtype), own) if self.follows else own

    @torch.no_grad()
    def follow(self, sums: Tensor) -> None:
        """Moves the level towards that of these sums. In place: copies of a learner share its buffers."""
        found = self.rule.level(sums).to(self.level.dtype)
        self.level.lerp_(found, 1.0 - self.momentum if self.followed > 0 else 1.0)
        self.followed += 1
