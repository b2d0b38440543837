"""The SSL term of a learner: an objective, where it enters, and how strongly."""

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor, nn

from metassl.errors import ConfigError, one_of
from metassl.losses import soft_cross_entropy, weighted_mean
from metassl.ssl.base import Context, SoftLabels, SSLObjective
from metassl.stage import Stage


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


class SSLTerm(nn.Module):
    """λ(progress)·objective, in the inner loop, the outer loss, or both.

    λ(progress) = weight · clip((progress - start) / ramp, 0, 1). Wrong targets rule while the
    learner knows nothing, so λ starts at 0; and while it is 0, U costs nothing.

    Args:
        objective: labels or penalises U.
        at: test (adaptation at test only: the control that every table needs), inner (adaptation
            in training and at test), outer (outer loss), both (inner and outer).
        weight: λ of the loss: in the inner loop of a gradient learner, and of the penalty that a closed-form
            head puts into the outer loss.
        refit_weight: weight of U in the refit of a closed-form head.
        outer_weight: λ in the outer loss.
        start: share of meta-training before U enters, 0..1.
        ramp: share of meta-training over which λ then rises to its full value.
        from_step: inner steps that see the support alone before U enters (gradient learners).
        in_statistics: whether U joins the support in giving the statistics of a `support` norm.
    """

    def __init__(
        self,
        objective: SSLObjective,
        at: str,
        weight: float,
        refit_weight: float,
        outer_weight: float,
        start: float,
        ramp: float,
        from_step: int,
        in_statistics: bool,
    ) -> None:
        super().__init__()
        if at not in AT:
            raise ConfigError(one_of("ssl.at", at, AT))
        self.objective, self.at, self.places = objective, at, AT[at]
        self.weight, self._refit_weight, self._outer_weight = weight, refit_weight, outer_weight
        self.start, self.ramp, self.from_step = start, ramp, from_step
        self.in_statistics = in_statistics

    def inner_weight(self, stage: Stage) -> float:
        """λ of the inner loop at this stage; 0 when U has no part in it."""
        return self.weight * self._share(stage) if self._enters(stage) else 0.0

    def refit_weight(self, stage: Stage) -> float:
        """Weight of U in a refit at this stage; 0 when U has no part in it."""
        return self._refit_weight * self._share(stage) if self._enters(stage) else 0.0

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

    def label(self, context: Context) -> SoftLabels | None:
        """The objective's labels, with the padding of U at weight 0."""
        labels = self.objective.label(context)
        if labels is None:
            return None
        return SoftLabels(labels.q, labels.weight * context.unlabelled.weight, labels.view)

    def penalty(self, context: Context) -> Tensor | float:
        """The objective's penalty, 0 when it has none."""
        penalty = self.objective.penalty(context)
        return 0.0 if penalty is None else penalty

    def loss(self, context: Context) -> Tensor | float:
        """penalty + Σ_j w_j CE(f(u_j), q_j) / |U|: what a gradient learner adds to its loss."""
        total = self.penalty(context)
        labels = self.label(context)
        if labels is not None:
            each = labels.weight * soft_cross_entropy(context.logits(labels.view), labels.q)
            total = total + weighted_mean(each, context.unlabelled.weight)
        return total

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
