"""What a meta-learner is: pure functions of its parameters θ and a task.

Legend: N way, S support, U unlabelled, Q query, D features.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.utils._pytree import register_dataclass

from metassl.backbones.base import Backbone
from metassl.learners.placing import parameters, placed
from metassl.outcomes.classification import accuracy, cross_entropy
from metassl.ssl.base import SoftLabels
from metassl.ssl.context import Context
from metassl.ssl.term import SSLTerm
from metassl.tasks.episode import Episode
from metassl.tasks.stage import Stage

Theta = Mapping[str, Tensor]
Scores = dict[str, Tensor]
R = TypeVar("R")
SSL = "ssl."  # prefix in θ of the SSL term's parameters


@dataclass(frozen=True)
class Anchor:
    """The rows of a task that give the statistics of a `support` norm.

    Attributes:
        x: [n, ...] inputs; weight: [n], 0 for padding.
    """

    x: Tensor
    weight: Tensor


@dataclass(frozen=True)
class Adapted:
    """φ, what adaptation makes of a task.

    Attributes:
        overlay: values that replace those of θ under the same names.
        head: the state of a closed-form head, or an empty dict.
        anchor: see Anchor.
        class_mask: [N] classes that the task has.
    """

    overlay: Mapping[str, Tensor]
    head: Any
    anchor: Anchor
    class_mask: Tensor


register_dataclass(Anchor)
register_dataclass(Adapted)


class MetaLearner(nn.Module):
    """A backbone, an SSL term and a way to adapt; every parameter is part of θ.

    θ maps the names of `named_parameters()` to tensors. The public methods take θ and put it in
    place of the module's own parameters, so they can be differentiated and mapped over tasks.

    Args:
        backbone: maps inputs to features.
        ssl: the SSL term.

    Attributes:
        draws: random numbers that it needs for each task.
        reads_unlabelled: whether adaptation looks at U even where the objective neither labels nor
            penalises it (a set encoder over S ∪ U).
        takes_gradient_steps: whether adaptation is by gradient steps on an inner loss.
        adapts_in_training: whether training tasks are adapted to, so that the outer loop can train an SSL
            objective's meta-parameters through it.
        places_steps: whether it tells norms of inner steps (backbone.norm=per_step) which step a pass is of.
        reads_queries: whether adaptation looks at the query labels: an oracle for comparison, no method.
        embeds_apart: whether nothing of a task enters its images' features, the norm apart; then a test can
            embed each image once.
    """

    draws: int = 0
    reads_unlabelled: bool = False
    takes_gradient_steps: bool = True
    adapts_in_training: bool = True
    places_steps: bool = False
    reads_queries: bool = False
    embeds_apart: bool = False

    def __init__(self, backbone: Backbone, ssl: SSLTerm) -> None:
        super().__init__()
        self.backbone, self.ssl = backbone, ssl

    def theta(self) -> dict[str, Tensor]:
        """The parameters as they are now."""
        return parameters(self)

    @property
    def transductive(self) -> bool:
        """Whether the prediction of one query depends on the other queries."""
        return self.backbone.transductive

    def adapt(self, theta: Theta, episode: Episode, stage: Stage) -> Adapted:
        """φ for a task, from its support and, as the stage says, its unlabelled images."""
        raise NotImplementedError

    def predict(self, theta: Theta, adapted: Adapted, x: Tensor) -> Tensor:
        """[n, N] logits of the inputs x [n, ...] of a task that was adapted to."""
        raise NotImplementedError

    def query_logits(self, theta: Theta, episode: Episode, stage: Stage) -> Tensor:
        """[Q, N] logits of the queries: adapt, then predict."""
        raise NotImplementedError

    def outer_loss(self, theta: Theta, episode: Episode, stage: Stage) -> tuple[Tensor, Scores]:
        """The outer loss of one task, and what to log of it: loss and accuracy on the queries.

        A learner whose outer gradient g is not the derivative of its loss returns `surrogate(...)`.
        Scores that are no scalars are averaged over the tasks and given to `after_outer_step`.
        """
        raise NotImplementedError

    def observe(self, theta: Theta, episode: Episode, stage: Stage, function: Callable[[Context], R]) -> R:
        """Adapts, and calls the function with the window on U through the adapted predictor."""
        raise NotImplementedError

    def meta_loss(self, theta: Theta, episode: Episode, stage: Stage) -> tuple[Tensor, Scores]:
        """The outer loss, plus the objective's loss on its own labels where it wants to hear their worth."""
        loss, scores = self.outer_loss(theta, episode, stage)
        if self.ssl.objective.wants_feedback and self.uses_unlabelled(episode, stage):
            with torch.no_grad():
                _, control = self.outer_loss(theta, episode, replace(stage, unlabelled=False))
            advantage = (control["loss"] - scores["loss"]).detach()
            loss = loss + self.observe(
                theta, episode, stage, lambda context: self.ssl.objective.feedback(context, advantage)
            )
        return loss, scores

    def assigned_labels(self, theta: Theta, episode: Episode, stage: Stage) -> SoftLabels:
        """What labels U has after adaptation; those of the predictor where the objective gives none."""
        return self.observe(theta, episode, stage, self._assigned)

    def _assigned(self, context: Context) -> SoftLabels:
        labels = self.ssl.label(context)
        if labels is not None:
            return labels
        view = next(iter(context.unlabelled.views))
        return SoftLabels(context.logits(view).softmax(-1), context.weight, view)

    @torch.no_grad()
    def after_outer_step(self, tasks: Episode, scores: Scores) -> None:
        """Called after each step of the outer optimiser, with its meta-batch and the mean scores."""
        self.ssl.objective.after_outer_step(self)

    def under(self, theta: Theta, function: Callable[..., R], *args: Any) -> R:
        """Calls a method of this learner, or a function that uses it, with θ in place of its parameters."""
        with placed(self, theta):
            return function(*args)

    def inner_weight(self, episode: Episode, stage: Stage) -> float:
        """λ of the inner loop on this task; 0 when it has no unlabelled images."""
        return self.ssl.inner_weight(stage) if len(episode.unlabelled) else 0.0

    def uses_unlabelled(self, episode: Episode, stage: Stage) -> bool:
        """Whether adaptation to this task looks at its unlabelled images."""
        return self.inner_weight(episode, stage) > 0

    def outer_weight(self, episode: Episode, stage: Stage) -> float:
        """λ of the outer loss on this task; 0 when it has no unlabelled images of its own."""
        return self.ssl.outer_weight(stage) if len(episode.outer_unlabelled) else 0.0

    def without_meta_gradient(self, theta: Theta) -> dict[str, Tensor]:
        """θ whose SSL meta-parameters are constants: a penalty in the outer loss must not train them,
        or the outer loop would learn to ask for nothing."""
        frozen = {SSL + name for name in self.ssl.meta_parameters()}
        return {name: p.detach() if name in frozen else p for name, p in theta.items()}

    def anchor(self, episode: Episode, stage: Stage) -> Anchor:
        """The support, and with `ssl.in_statistics` also the first view of U where U takes part."""
        x, weight = episode.support_x, episode.support_weight
        if self.ssl.in_statistics and self.uses_unlabelled(episode, stage):
            view = next(iter(episode.unlabelled.views.values()))
            x, weight = torch.cat((x, view)), torch.cat((weight, episode.unlabelled.weight))
        return Anchor(x, weight)

    def embed(self, x: Tensor, weight: Tensor | None, anchor: Anchor) -> Tensor:
        """[n, D] features of x [n, ...].

        The statistics of the norms come from the rows with weight (None: all), or, with a
        `support` norm, from the anchor.
        """
        if not self.backbone.from_support:
            return self.backbone(x, weight)
        rows = torch.cat((anchor.weight, torch.zeros(len(x), device=x.device, dtype=anchor.weight.dtype)))
        return self.backbone(torch.cat((anchor.x, x)), rows)[len(anchor.x) :]


def query_scores(logits: Tensor, episode: Episode) -> tuple[Tensor, Scores]:
    """Cross-entropy on the queries, and {loss, accuracy} to log: logits [Q, N]."""
    loss = cross_entropy(logits, episode.query_y, episode.query_weight)
    scores = {"loss": loss, "accuracy": accuracy(logits, episode.query_y, episode.query_weight)}
    return loss, {name: value.detach() for name, value in scores.items()}


def surrogate(value: Tensor, theta: Theta, gradient: Theta) -> Tensor:
    """A scalar that has this value, and this gradient with respect to θ.

    Σ_n ⟨θ_n, g_n⟩ - stop(Σ_n ⟨θ_n, g_n⟩) + stop(value), over the names n of `gradient`.
    """
    carrier = torch.stack([(theta[name] * g.detach()).sum() for name, g in gradient.items()]).sum()
    return carrier - carrier.detach() + value.detach()
