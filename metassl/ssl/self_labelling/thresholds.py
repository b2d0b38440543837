"""How sure a prediction must be to become a label: fixed, per class, or by the task's own confidence.

Each rule maps a task's predictions to weights. What it keeps of U's statistics lives in the memory of one
task, over its inner steps: classes change from task to task.

Legend: U unlabelled, N way.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from metassl.numerics.losses import gate, weighted_mean
from metassl.outcomes.classification import one_hot
from metassl.ssl.context import Context

State = tuple[Tensor, ...]


class Rule(NamedTuple):
    """A threshold rule.

    Attributes:
        weigh: (p [U, N] probabilities, context, τ, state of this step) -> [U] weights in 0..1.
        follow: (p, context, state of the step before or None, m) -> state of this step; m is the share of
            the old in a moving average.
    """

    weigh: Callable[[Tensor, Context, float | Tensor, State], Tensor]
    follow: Callable[[Tensor, Context, State | None, float], State]


def nothing(p: Tensor, context: Context, before: State | None, momentum: float) -> State:
    """Keeps nothing from step to step, for rules that look at one step alone.

    Of rules that look at one step alone.
    """
    return ()


def fixed(p: Tensor, context: Context, threshold: float | Tensor, state: State) -> Tensor:
    """Keeps the labels whose probability is above a fixed threshold.

    1[max_c p_jc >= τ]. Source: Sohn et al. 2020, eq. 4.
    """
    return gate(p.amax(-1), threshold)


def flex(p: Tensor, context: Context, threshold: float | Tensor, state: State) -> Tensor:
    """Keeps labels above a threshold that is lower for classes that are still hard.

    1[max_c p_jc >= τ·M(β_ŷ)], M(β) = β/(2-β): a class of which little is sure has a lower threshold.

    β_c = σ_c / max(max σ, |U| - Σσ), σ_c the number of images that pass τ with class c; the second part
    of the maximum is the warm-up.
    Source: Zhang et al. 2021 (FlexMatch), eq. 5, 6, 11 and 12.
    """
    sure, best = p.max(-1)
    weight, chosen = context.weight, one_hot(best, p.shape[-1]).to(p.dtype)
    passed = (chosen * (gate(sure, threshold) * weight).unsqueeze(-1)).sum(0)
    unused = weight.sum() - passed.sum()
    beta = passed / torch.maximum(passed.amax(), unused).clamp(min=1e-12)
    lowered = 1 - beta / (2 - beta)
    # The difference is added to the confidence, so that the gate knows whether τ itself is learned.
    return gate(sure + threshold * lowered[best], threshold)


def free(p: Tensor, context: Context, threshold: float | Tensor, state: State) -> Tensor:
    """Keeps labels above a threshold that follows the predictor's own confidence.

    1[max_c p_jc >= τ_t·p̃_ŷ/max p̃]; τ_t and p̃ are those of `follow_confidence`. τ is not used.

    The paper's fairness term is left out. Source: Wang et al. 2023 (FreeMatch), eq. 5 to 8.
    """
    sure, best = p.max(-1)
    bar, share = state
    return (sure >= bar * (share / share.amax().clamp(min=1e-12))[best]).to(p.dtype)


def follow_confidence(p: Tensor, context: Context, before: State | None, momentum: float) -> State:
    """Follows how sure the predictor is, by averages over the inner steps.

    τ_t, p̃ [N]: moving averages of the confidence and of p over U; both start at 1/N.
    """
    weight, mask = context.weight, context.episode.class_mask.to(p.dtype)
    start = mask / mask.sum()
    bar, share = before or (start.amax(), start)
    mean = (p * weight.unsqueeze(-1)).sum(0) / weight.sum().clamp(min=1e-12)
    return _follow(bar, weighted_mean(p.amax(-1), weight), momentum), _follow(share, mean, momentum)


def soft(p: Tensor, context: Context, threshold: float | Tensor, state: State) -> Tensor:
    """Weighs labels smoothly by how sure they are, compared with the average.

    exp(-(max_c p_jc - μ)²/(2σ²)) below μ, 1 above: μ and σ² are those of `follow_spread`. τ is not used.

    Alignment of the classes is left out. Source: Chen et al. 2023 (SoftMatch), eq. 8 to 10 (λ_max = 1).
    """
    mean, var = state
    below = (p.amax(-1) - mean).clamp(max=0)
    return torch.exp(-below.square() / (2 * var.clamp(min=1e-12)))


def follow_spread(p: Tensor, context: Context, before: State | None, momentum: float) -> State:
    """Follows how widely the confidence spreads, by averages over the inner steps.

    μ, σ²: moving averages over U; they start at 1/N and 1, σ² of a step is unbiased.
    """
    sure, weight = p.amax(-1), context.weight
    mask = context.episode.class_mask.to(p.dtype)
    start = (mask / mask.sum()).amax()
    mean, var = before or (start, torch.ones_like(start))
    here = weighted_mean(sure, weight)
    count = (weight > 0).sum()
    spread = weighted_mean((sure - here).square(), weight) * count / (count - 1).clamp(min=1)
    return _follow(mean, here, momentum), _follow(var, spread, momentum)


RULES: dict[str, Rule] = {
    "fixed": Rule(fixed, nothing),
    "flex": Rule(flex, nothing),
    "free": Rule(free, follow_confidence),
    "soft": Rule(soft, follow_spread),
}


def _follow(average: Tensor, value: Tensor, momentum: float) -> Tensor:
    return momentum * average + (1 - momentum) * value
