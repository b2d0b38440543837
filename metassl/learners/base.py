"""What a meta-learner is: a module whose parameters are θ, and a way to adapt to a task.

Legend: N way, S support, U unlabelled, Q query, D features.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Self, TypeVar

import torch
from torch import Tensor, nn

from metassl.backbones.base import Backbone
from metassl.learners.adapted import Adapted, Anchor
from metassl.learners.placing import forget, parameters, placed
from metassl.learners.traits import LearnerTraits
from metassl.norms.base import ALL_ROWS, Pass
from metassl.numerics.tensors import Tensors
from metassl.ssl.base import SoftLabels
from metassl.ssl.context import Context, Memory
from metassl.ssl.term import SSLTerm
from metassl.tasks.episode import Episode
from metassl.tasks.stage import Stage

Scores = dict[str, Tensor]
R = TypeVar("R")
SSL = "ssl."  # prefix in θ of the SSL term's parameters


class MetaLearner(nn.Module):
    """Learns from many tasks how to adapt to a new one: a backbone, an SSL term and a way to adapt.

    Every parameter is part of θ. An engine puts θ in place before it calls a method, so methods read
    self.backbone and the like as in any module; other values are put in place by `with self.placed(values)`.

    Args:
        backbone: maps inputs to features.

    Attributes:
        ssl: the SSL term, which `attach` replaces; without one U is not used.
        draws: random numbers that it needs for each task.
        traits: what others have to know of it.
    """

    draws: int = 0
    traits: LearnerTraits = LearnerTraits()
    ssl: SSLTerm

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone, self.ssl = backbone, SSLTerm()

    def attach(self, ssl: SSLTerm) -> Self:
        """The learner itself with this SSL term. The term comes last: a teacher is made of θ."""
        self.ssl = ssl
        forget(self)
        return self

    def theta(self) -> dict[str, Tensor]:
        """The parameters that are in place now."""
        return parameters(self)

    def predictor_parameters(self) -> dict[str, Tensor]:
        """The parameters of what predicts, by the names that an objective may put others in place of."""
        return {name: p for name, p in self.named_parameters() if not name.startswith(SSL)}

    def placed(self, values: Tensors) -> AbstractContextManager[None]:
        """Within it these tensors are in place of the parameters and buffers of the same names."""
        return placed(self, values)

    @property
    def transductive(self) -> bool:
        """Whether the prediction of one query depends on the other queries."""
        return self.backbone.traits.transductive or self.traits.transductive

    @property
    def one_by_one(self) -> bool:
        """Whether its tasks have to follow each other: they update moving averages, or leave torch."""
        return self.backbone.traits.keeps_averages or self.traits.leaves_torch

    def adapt(self, episode: Episode, stage: Stage) -> Adapted:
        """φ for a task, from its support and, as the stage says, its unlabelled images."""
        raise NotImplementedError

    def predict(self, adapted: Adapted, x: Tensor, weight: Tensor | None = None) -> Tensor:
        """[n, K] outputs for inputs x [n, ...] of a task that was adapted to; weight [n] 0 for padding."""
        raise NotImplementedError

    def query_logits(self, episode: Episode, stage: Stage) -> Tensor:
        """[Q, K] outputs for the queries: adapt, then predict."""
        weight = episode.query_weight if episode.padded else None
        return self.predict(self.adapt(episode, stage), episode.query_x, weight)

    def outer_loss(self, episode: Episode, stage: Stage) -> tuple[Tensor, Scores]:
        """The outer loss of one task, and what to log of it: loss and scores on the queries.

        A learner whose outer gradient is not the derivative of its loss returns a `surrogate`.
        Scores that are no scalars are averaged over the tasks and given to `after_outer_step`.
        """
        raise NotImplementedError

    def observe(self, episode: Episode, stage: Stage, function: Callable[[Context], R]) -> R:
        """Adapts, and calls the function with U's context as one more inner step would see it."""
        raise NotImplementedError

    def findings(self, episode: Episode, stage: Stage) -> Scores:
        """What a test task shows of itself besides its scores, such as how far it is from known tasks.

        Scalars by name, a column each in episodes.parquet; {} for nothing.
        """
        return {}

    def meta_loss(self, episode: Episode, stage: Stage) -> tuple[Tensor, Scores]:
        """The outer loss, plus the objective's loss on its own labels where it wants to hear their worth."""
        loss, scores = self.outer_loss(episode, stage)
        if self.ssl.objective.wants_feedback and self.uses_unlabelled(episode, stage):
            with torch.no_grad():
                _, control = self.outer_loss(episode, replace(stage, unlabelled=False))
            advantage = (control["loss"] - scores["loss"]).detach()
            loss = loss + self.observe(
                episode, stage, lambda context: self.ssl.objective.feedback(context, advantage)
            )
        return loss, scores

    def assigned_labels(self, episode: Episode, stage: Stage) -> SoftLabels:
        """What labels U has after adaptation; those of the predictor where the objective gives none."""
        return self.observe(episode, stage, self._assigned)

    def _assigned(self, context: Context) -> SoftLabels:
        labels = self.ssl.label(context)
        if labels is not None:
            return labels
        view = next(iter(context.unlabelled.views))
        predictions = context.episode.outcome.predictions(context.logits(view))
        return SoftLabels(predictions, context.weight, view)

    @torch.no_grad()
    def after_outer_step(self, tasks: Episode, scores: Scores) -> None:
        """Called after each step of the outer optimiser, with its meta-batch and the mean scores."""
        own = {name: p.detach() for name, p in self.theta().items() if not name.startswith(SSL)}
        self.ssl.objective.after_outer_step(own)
        reports = {name.removeprefix(SSL): value for name, value in scores.items() if name.startswith(SSL)}
        if reports:
            self.ssl.objective.after_tasks(reports)

    def before_validation(self) -> None:
        """Called before each validation, after which the weights may be kept as the best: the last chance to
        bring into step with θ whatever is kept from one outer step to the next."""

    def reports(self, memory: Memory) -> Scores:
        """What the SSL objective found in a task, among the scores for `after_outer_step`."""
        found = self.ssl.objective.report(memory)
        return {SSL + name: value.detach() for name, value in found.items()}

    def redraws(self, training: bool) -> int:
        """How often the random views and numbers of U are drawn for a task; a closed form sees one draw."""
        return 1

    def inner_weight(self, episode: Episode, stage: Stage) -> float:
        """λ of the inner loop on this task; 0 when it has no unlabelled images."""
        return self.ssl.inner_weight(stage) if len(episode.unlabelled) else 0.0

    def uses_unlabelled(self, episode: Episode, stage: Stage) -> bool:
        """Whether adaptation to this task looks at its unlabelled images."""
        return self.inner_weight(episode, stage) > 0

    def outer_weight(self, episode: Episode, stage: Stage) -> float:
        """λ of the outer loss on this task; 0 when it has no unlabelled images of its own."""
        return self.ssl.outer_weight(stage) if len(episode.outer_unlabelled) else 0.0

    def meta_constants(self) -> dict[str, Tensor]:
        """The SSL meta-parameters as constants: a penalty in the outer loss must not train them, or the outer
        loop would learn to ask for nothing."""
        names = self.ssl.meta_parameters()
        theta = self.theta() if names else {}
        return {SSL + name: theta[SSL + name].detach() for name in names}

    def only_objective(self) -> dict[str, Tensor]:
        """θ as constants, but for the SSL objective's meta-parameters."""
        learned = {SSL + name for name in self.ssl.meta_parameters()}
        return {name: p if name in learned else p.detach() for name, p in self.theta().items()}

    def anchor(self, episode: Episode, stage: Stage) -> Anchor:
        """The support, and with `ssl.in_statistics` also the first view of U where U takes part."""
        x, weight = episode.support_x, episode.support_weight
        if self.ssl.in_statistics and self.uses_unlabelled(episode, stage):
            view = next(iter(episode.unlabelled.views.values()))
            x, weight = torch.cat((x, view)), torch.cat((weight, episode.unlabelled.weight))
        return Anchor(x, weight)

    def embed(self, x: Tensor, anchor: Anchor, how: Pass = ALL_ROWS) -> Tensor:
        """[n, D] features of x [n, ...].

        The statistics of the norms come from the rows that the pass marks, or, with a `support` norm, from
        the anchor.
        """
        if not self.backbone.traits.from_support:
            return self.backbone(x, how)
        rows = torch.cat((anchor.weight, torch.zeros(len(x), device=x.device, dtype=anchor.weight.dtype)))
        return self.backbone(torch.cat((anchor.x, x)), replace(how, rows=rows))[len(anchor.x) :]


def query_scores(outputs: Tensor, episode: Episode) -> tuple[Tensor, Scores]:
    """Says how well the queries of a task are predicted.

    The outcome's loss on the queries, and that loss and what the outcome measures, to log: outputs [Q, K].
    """
    loss = episode.query_loss(outputs)
    scores = {"loss": loss, **episode.query_measures(outputs)}
    return loss, {name: value.detach() for name, value in scores.items()}
