"""What an objective is shown, of features that a test gives: no learner, no images.

Legend: N way, S support, U unlabelled, D features.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from metassl.ssl.base import SSLObjective
from metassl.ssl.context import Context
from metassl.tasks.episode import Episode, Unlabelled
from metassl.tasks.stage import TEST, Stage
from tests.support.numbers import random, uniform

WAY, S, U, D = 3, 6, 7, 4


@dataclass(frozen=True)
class GivenPredictor:
    """A predictor whose features are its inputs and whose logits are a function of them (and of params)."""

    views: Mapping[str, Tensor]
    given: Tensor
    logits: Callable[[Tensor, Mapping[str, Tensor]], Tensor]
    params: Mapping[str, Tensor] = field(default_factory=dict)

    def view(self, name: str) -> Tensor:
        return self.views[name]

    def support(self) -> Tensor:
        return self.given

    def embed(self, x: Tensor, weight: Tensor) -> Tensor:
        return x.flatten(1)

    def classify(self, z: Tensor) -> Tensor:
        return self.logits(z, self.params)

    def under(self, params: Mapping[str, Tensor]) -> "GivenPredictor":
        return GivenPredictor(self.views, self.given, self.logits, {**self.params, **params})


def context(
    views: Mapping[str, Tensor],
    support: Tensor | None = None,
    weight: Tensor | None = None,
    class_mask: Tensor | None = None,
    support_weight: Tensor | None = None,
    support_y: Tensor | None = None,
    draws: Tensor | None = None,
    logits: Callable[[Tensor, Mapping[str, Tensor]], Tensor] = lambda z, params: z[:, :WAY],
    params: Mapping[str, Tensor] | None = None,
    stage: Stage = TEST,
    stop_gradient: bool = True,
) -> Context:
    """A task whose features are given; by default the logits of an input are its first N features.

    Args:
        views: name -> [U, D]; support: [S, D].
        weight: [U]; class_mask: [N]; support_weight, support_y: [S] (labels 0, 1, 2, 0, 1, 2 by default).
        draws: [U, R] the objective's random numbers.
        logits: (features, params) -> [n, N].
        params: what the predictor says that adaptation moves.
    """
    support = random(S, D, seed=9) if support is None else support
    count = len(next(iter(views.values())))
    ones, s_ones = torch.ones(count).double(), torch.ones(len(support)).double()
    draws = torch.zeros(count, 0).double() if draws is None else draws
    unlabelled = Unlabelled(views, ones if weight is None else weight, draws)
    labels = torch.arange(len(support)) % WAY if support_y is None else support_y
    episode = Episode(
        support_x=support,
        support_y=labels,
        support_weight=s_ones if support_weight is None else support_weight,
        query_x=support,
        query_y=labels,
        query_weight=s_ones,
        unlabelled=unlabelled,
        outer_unlabelled=Unlabelled({}, ones[:0], draws[:0]),
        class_mask=torch.ones(WAY, dtype=torch.bool) if class_mask is None else class_mask,
        classes=torch.arange(WAY),
        random=torch.zeros(0).double(),
    )
    predictor = GivenPredictor(views, support, logits, params or {})
    return Context(episode, unlabelled, predictor, stage, stop_gradient=stop_gradient)


def draws_of(objective: SSLObjective, count: int, seed: int = 11) -> Tensor:
    """[count, R] the random numbers that an objective asks for, of inputs of D numbers."""
    return uniform(count, objective.draws((D,)), seed=seed)


def given_task(objective: SSLObjective, padding: int = 0, **changes: Any) -> Context:
    """What this objective is shown of U images and, if wanted, padding with other numbers."""
    views, draws = {}, draws_of(objective, U)
    for k, name in enumerate(objective.views):
        views[name] = torch.cat((random(U, D, seed=k), 5 * random(padding, D, seed=7)))
    draws = torch.cat((draws, draws_of(objective, padding, seed=12)))
    weight = torch.cat((torch.ones(U), torch.zeros(padding))).double()
    return advanced(objective, context(views, weight=weight, draws=draws, **changes))


def advanced(objective: SSLObjective, given: Context) -> Context:
    """The context of the next inner step: with what the objective remembers of this one."""
    return replace(given, memory={**given.memory, **objective.remember(given)})


def two_classes(z: Tensor, params: object) -> Tensor:
    """The logits of a task that lacks the third class."""
    gone = torch.tensor([False, False, True])
    return z[:, :WAY].masked_fill(gone, torch.finfo(z.dtype).min / 8)
