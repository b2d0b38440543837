"""The SSL term of a learner: an objective, where it enters, and how strongly."""

from collections.abc import Mapping
from dataclasses import replace
from math import exp
from typing import NamedTuple

from torch import Tensor, nn

from metassl.numerics.losses import weighted_mean
from metassl.schema.check import check_group
from metassl.schema.groups.ssl import SSLKeys
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.context import Context, Predictor
from metassl.ssl.distractors import POLICIES
from metassl.ssl.none import NoObjective
from metassl.tasks.episode import Episode, Unlabelled
from metassl.tasks.stage import Stage

MOST_REDRAWS = 8  # they take turns in a longer inner loop: a hundred steps need no hundred views in memory


class Places(NamedTuple):
    """Where unlabelled images enter."""

    train_inner: bool
    test_inner: bool
    outer: bool


AT = {
    "test": Places(train_inner=False, test_inner=True, outer=False),
    "inner": Places(train_inner=True, test_inner=True, outer=False),
    "outer": Places(train_inner=False, test_inner=False, outer=True),
    "both": Places(train_inner=True, test_inner=True, outer=True),
}


def _constant(t: float) -> float:
    return 1.0


def _ramp(t: float) -> float:
    return exp(-5 * (1 - t) ** 2)  # Laine & Aila 2017, section 2.2; over steps in PLATINUM (2022)


STEP_SCHEDULES = {"constant": _constant, "ramp": _ramp}  # functions with names, so that a term can be pickled


class SSLTerm(nn.Module):
    """Says how strongly and where an objective takes part: in the inner loop, the outer loss, or both.

    What enters is λ(progress, step)·objective with λ(progress) = weight · clip((progress - start) / ramp,
    0, 1). Wrong targets rule while the learner knows nothing, so λ starts at 0; and while it is 0, U
    costs nothing.

    Args:
        objective: labels or penalises U; None: U is not used.
        at: test (adaptation at test only: the control that every table needs), inner (adaptation
            in training and at test), outer (outer loss), both (inner and outer).
        weight: λ of the loss: in the inner loop of a gradient learner, and of the penalty that a closed-form
            head puts into the outer loss.
        refit_weight: weight of U in the refit of a closed-form head; None: what the head declares.
        outer_weight: λ in the outer loss.
        start: share of meta-training before U enters, 0..1.
        ramp: share of meta-training over which λ then rises to its full value.
        from_step: inner steps that see the support alone before U enters (gradient learners).
        step_schedule: how λ goes over the inner steps that follow: constant, or ramp, exp(-5(1-t)²).
        in_statistics: whether U joins the support in giving the statistics of a `support` norm.
        distractors: none, threshold, mask or extra_class; see metassl.ssl.distractors.
        distractor_threshold: the number of that policy.
        stop_gradient: whether labels are constants; None: as the objective's paper has it.
    """

    def __init__(
        self,
        objective: SSLObjective | None = None,
        at: str = "inner",
        weight: float = 1.0,
        refit_weight: float | None = None,
        outer_weight: float = 1.0,
        start: float = 0.7,
        ramp: float = 0.1,
        from_step: int = 1,
        step_schedule: str = "constant",
        in_statistics: bool = False,
        distractors: str = "none",
        distractor_threshold: float = 0.5,
        stop_gradient: bool | None = None,
    ) -> None:
        super().__init__()
        check_group(SSLKeys, "ssl", {
            "at": at, "weight": weight, "refit_weight": refit_weight, "outer_weight": outer_weight,
            "start": start, "ramp": ramp, "from_step": from_step, "step_schedule": step_schedule,
            "in_statistics": in_statistics, "distractors": distractors,
            "distractor_threshold": distractor_threshold, "stop_gradient": stop_gradient,
        })  # fmt: skip
        self.objective = NoObjective() if objective is None else objective
        self.at, self.places = at, AT[at]
        self.weight, self._refit_weight, self._outer_weight = weight, refit_weight, outer_weight
        self.start, self.ramp, self.from_step = start, ramp, from_step
        self._over_steps = STEP_SCHEDULES[step_schedule]
        self.in_statistics = in_statistics
        policy = POLICIES[distractors]
        self.policy = None if policy is None else policy(distractor_threshold)
        self.stop_gradient = self.objective.stop_gradient if stop_gradient is None else stop_gradient

    @property
    def settled(self) -> float:
        """Share of meta-training, 0..1, from which on U takes its full part in it; 0 where it takes none."""
        trains = bool(self.inner_views(training=True) or self.outer_views(training=True))
        return min(self.start + self.ramp, 1.0) if trains else 0.0

    def inner_weight(self, stage: Stage) -> float:
        """λ of the inner loop at this stage; 0 when U has no part in it."""
        return self.weight * self._share(stage) if self._enters(stage) else 0.0

    def over_steps(self, step: int, steps: int) -> float:
        """Factor of λ at inner step `step`, from 0, of `steps`; the last step always sees U."""
        first = min(self.from_step, steps - 1)
        if step < first:
            return 0.0
        span = steps - 1 - first
        return float(self._over_steps((step - first) / span if span else 1.0))

    def redraws(self, steps: int) -> int:
        """How often U's random views and numbers are drawn for a task of `steps` inner steps.

        Once, or for each step that sees U where the objective wants that.
        """
        if not self.objective.redraws or steps < 1:
            return 1
        return min(steps - min(self.from_step, steps - 1), MOST_REDRAWS)

    def refit_weight(self, stage: Stage, declared: float = 1.0) -> float:
        """Weight of U in a refit at this stage, `declared` unless one was asked for; 0 when U has no part."""
        weight = declared if self._refit_weight is None else self._refit_weight
        return weight * self._share(stage) if self._enters(stage) else 0.0

    def outer_weight(self, stage: Stage) -> float:
        """λ of the outer loss at this stage."""
        active = self.places.outer and stage.training and stage.unlabelled and bool(self.objective.views)
        return self._outer_weight * self._share(stage) if active else 0.0

    def inner_views(self, training: bool) -> Mapping[str, str]:
        """The views of U that episodes of this kind must carry."""
        enters = self.places.train_inner if training else self.places.test_inner
        return self.objective.views if enters else {}

    def outer_views(self, training: bool) -> Mapping[str, str]:
        """The views of the outer loss's unlabelled images."""
        return self.objective.views if self.places.outer and training else {}

    def meta_parameters(self) -> list[str]:
        """Names, from this module on, of what the outer loop trains through the adaptation alone."""
        own, learned = set(self.objective.own_parameters()), self.objective.named_parameters()
        return [f"objective.{name}" for name, p in learned if p.requires_grad and name not in own]

    def own_parameters(self) -> list[str]:
        """Names, from this module on, of what the objective's penalty trains."""
        return [f"objective.{name}" for name in self.objective.own_parameters()]

    def context(
        self, episode: Episode, unlabelled: Unlabelled, predictor: Predictor, stage: Stage
    ) -> Context:
        """A task as the objective may see it, at inner step 0 and with nothing remembered."""
        return Context(
            episode=episode,
            unlabelled=unlabelled,
            predictor=predictor,
            stage=stage,
            policy=self.policy,
            stop_gradient=self.stop_gradient,
        )

    def advanced(self, context: Context) -> Context:
        """The context of an inner step with what the objective remembers of it, for the methods below."""
        return replace(context, memory={**context.memory, **self.objective.remember(context)})

    def label(self, context: Context) -> SoftLabels | None:
        """The objective's labels, with padding at weight 0 and the distractor policy's weights."""
        labels = self.objective.label(context)
        return None if labels is None else labels.times(context.weight)

    def support_weights(self, context: Context) -> Tensor:
        """[S] what each labelled example counts, with padding at 0."""
        present = context.episode.support_weight
        weights = self.objective.support_weights(context)
        return present if weights is None else weights * present

    def penalty(self, context: Context) -> Tensor | float:
        """The objective's penalty, 0 when it has none."""
        penalty = self.objective.penalty(context)
        return 0.0 if penalty is None else penalty

    def loss(self, context: Context) -> Tensor | float:
        """strength·(penalty + Σ_j w_j L(f(u_j), q_j) / |U|): what a gradient learner adds to its loss."""
        total = self.penalty(context)
        labels = self.label(context)
        if labels is not None:
            present = context.unlabelled.weight
            each = context.outcome.label_loss(context.logits(labels.view), labels.q, present)
            total = total + weighted_mean(labels.weight * each, present)
        return self.objective.strength(context) * total

    def _enters(self, stage: Stage) -> bool:
        place = self.places.train_inner if stage.training else self.places.test_inner
        return place and stage.unlabelled and bool(self.objective.views)

    def _share(self, stage: Stage) -> float:
        if not stage.training:
            return 1.0
        past = stage.progress - self.start
        if self.ramp == 0:
            return float(past >= 0)
        return min(max(past / self.ramp, 0.0), 1.0)
