"""Prototypical random walk: a walk from a class into U, about in U and out again must end at its class.

Legend: N way, S support, U unlabelled, D features.
"""

from collections.abc import Callable
from functools import singledispatch
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from metassl.numerics.geometry import class_means, squared_distances
from metassl.numerics.precision import full_precision
from metassl.numerics.transport import safe_log
from metassl.outcomes.base import Outcome, mask_outputs
from metassl.outcomes.classification import Classification, one_hot
from metassl.outcomes.values import Values
from metassl.schema.ranges import Count, NotNegative, Share
from metassl.ssl.base import SSLObjective
from metassl.ssl.context import Context

TINY = 1e-12


class RandomWalk(SSLObjective):
    """Asks that random walks from a prototype through the unlabelled images lead back to it.

    penalty = Σ_{t=0..τ} decay^t · mean_c -log [T^{p→u} (Γ^{uu})^t T^{u→p}]_cc + visit · CE(uniform, v).

    All are softmaxes of -‖·‖²: T^{p→u} of a prototype over U, Γ^{uu} of an image over the other images (it
    can't stay), T^{u→p} of an image over the classes. v = mean_c T^{p→u}_c says how often each image is
    visited; its cross-entropy keeps the walkers from using a few easy images. The uniform distribution is
    that of the images' weights. Gradients flow through everything, prototypes included. 0 when all of U has
    weight 0. Of values the walks start at each point of S, and the mean value of where they end must be that
    of where they started: (1/S) Σ_i (Σ_k [...]_ik y_k - y_i)² in place of the logarithm.

    Differs from the paper: walks of every length up to τ are summed and both ways are smoothed, as in the
    authors' code; the form for values is ours.

    Source: Ayyad et al. 2021 (PRWN), section 3; the sum over t and the smoothing of T^{p→u} and T^{u→p} as in
    the authors' code (SSL_utils.py, factors 1, .7, .49, .35).

    Args:
        steps: τ, the longest walk inside U, 0 or more.
        decay: factor of the loss for each further step, above 0.
        visit: factor of the visit loss, above 0.
        smoothing: share of the uniform distribution in T^{p→u} and T^{u→p}, 0..1.
    """

    views: ClassVar = {"plain": "plain"}
    outcomes = (Outcome,)
    hparams: ClassVar = {"decay": "positive", "visit": "positive", "smoothing": "unit"}

    def __init__(
        self, steps: Count = 3, decay: Share = 0.7, visit: NotNegative = 1.0, smoothing: Share = 0.1
    ) -> None:
        super().__init__()
        self.steps, self.decay, self.visit, self.smoothing = steps, decay, visit, smoothing

    def penalty(self, context: Context) -> Tensor:
        """Scalar, 0 or more."""
        return self.walk(homes(context.outcome, context), context.features("plain"), context.weight)

    @full_precision
    def walk(self, homes: "Homes", u: Tensor, weight: Tensor) -> Tensor:
        """The penalty of walks through images u [U, D] of weights [U]."""
        closeness = -squared_distances(u, homes.points)
        images = weight / weight.sum().clamp(min=TINY)
        starts = homes.present.to(u.dtype) / homes.present.to(u.dtype).sum()
        to_u = self._smooth((closeness.T + safe_log(weight)).softmax(-1), images)
        to_home = self._smooth(mask_outputs(closeness, homes.present).softmax(-1), starts)
        walkers, among, loss = to_u, _among(u, weight), torch.zeros_like(weight.sum())
        for step in range(self.steps + 1):
            walkers = walkers @ among if step else walkers
            loss = loss + self.decay**step * (starts * homes.missed(walkers @ to_home)).sum()
        visits = starts @ to_u
        loss = loss - self.visit * (images * visits.clamp(min=TINY).log()).sum()
        return loss * (weight.sum() > 0)

    def _smooth(self, p: Tensor, uniform: Tensor) -> Tensor:
        return (1 - self.smoothing) * p + self.smoothing * uniform


class Homes(NamedTuple):
    """Where walks start and should lead back to.

    Attributes:
        points: [H, D]; present: [H] bool, which of them the task has.
        missed: chances [H, H] that a walk from one ends at another -> [H] loss of each start.
    """

    points: Tensor
    present: Tensor
    missed: Callable[[Tensor], Tensor]


@singledispatch
def homes(outcome: Outcome, context: Context) -> Homes:
    """Where the walks of a task start."""
    raise NotImplementedError(type(outcome).__name__)


@homes.register
def _(outcome: Classification, context: Context) -> Homes:
    episode = context.episode
    y = one_hot(episode.support_y, episode.way)
    prototypes = class_means(context.support_features(), y, episode.support_weight)
    return Homes(prototypes, episode.class_mask, lambda back: -back.diagonal().clamp(min=TINY).log())


@homes.register
def _(outcome: Values, context: Context) -> Homes:
    y = context.episode.support_targets()
    return Homes(
        context.support_features(),
        context.episode.support_weight > 0,
        lambda back: (back @ y.to(back.dtype) - y).square().mean(-1),
    )


def _among(u: Tensor, weight: Tensor) -> Tensor:
    """[U, U] Γ^{uu}: rows are softmaxes over the other images with weight; one alone stays where it is."""
    away = torch.finfo(u.dtype).min / 16  # still far above what takes an image of weight 0 out
    logits = -squared_distances(u, u) + torch.where(weight > 0, safe_log(weight), 2 * away)
    return (logits + away * torch.eye(len(u), dtype=u.dtype, device=u.device)).softmax(-1)
