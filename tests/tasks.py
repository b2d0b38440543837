"""Small tasks and terms that the tests of objectives, heads and learners share.

Legend: N way, S support, U unlabelled, D features.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from metassl.ssl.base import SSLObjective
from metassl.ssl.context import Context
from metassl.ssl.term import SSLTerm
from metassl.tasks.episode import Episode, Unlabelled
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import TEST, Stage

WAY, S, U, D = 3, 6, 7, 4
SPEC = TaskSpec(way=3, input_shape=(1, 16, 16), base_classes=40)


def make_term(
    objective: SSLObjective,
    at: str = "inner",
    weight: float = 1.0,
    refit_weight: float = 1.0,
    outer_weight: float = 1.0,
    start: float = 0.0,
    ramp: float = 0.0,
    from_step: int = 1,
    step_schedule: str = "constant",
    in_statistics: bool = False,
    distractors: str = "none",
    distractor_threshold: float = 0.5,
    stop_gradient: bool | None = None,
) -> SSLTerm:
    """A term with U at full strength from the first outer step on."""
    return SSLTerm(
        objective, at, weight, refit_weight, outer_weight, start, ramp, from_step, step_schedule,
        in_statistics, distractors, distractor_threshold, stop_gradient,
    )  # fmt: skip


def random(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal numbers in float64."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


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
