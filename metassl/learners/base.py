"""What a meta-learner is: pure functions of its parameters θ and a task.

Legend: N way, S support, U unlabelled, Q query, D features.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils._pytree import register_dataclass

from metassl.backbones.base import Backbone
from metassl.episode import Episode
from metassl.losses import accuracy, cross_entropy
from metassl.ssl.term import SSLTerm
from metassl.stage import Stage

Theta = Mapping[str, Tensor]


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
    """

    def __init__(self, backbone: Backbone, ssl: SSLTerm) -> None:
        super().__init__()
        self.backbone, self.ssl = backbone, ssl

    def theta(self) -> dict[str, Tensor]:
        """The parameters as they are now."""
        return dict(self.named_parameters())

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

    def meta_loss(self, theta: Theta, episode: Episode, stage: Stage) -> tuple[Tensor, dict[str, Tensor]]:
        """The outer loss of one task, and what to log of it: loss and accuracy on the queries."""
        raise NotImplementedError

    def forward(self, function: str, *args: Any) -> Any:
        """Entry for `functional_call`: runs the method of that name."""
        return getattr(self, function)(*args)

    def under(self, theta: Theta, method: Callable[..., Any], *args: Any) -> Any:
        """Runs a method of this learner with θ in place of its own parameters."""
        return functional_call(self, dict(theta), (method.__name__, *args))

    def inner_weight(self, episode: Episode, stage: Stage) -> float:
        """λ of the inner loop on this task; 0 when it has no unlabelled images."""
        return self.ssl.inner_weight(stage) if len(episode.unlabelled) else 0.0

    def uses_unlabelled(self, episode: Episode, stage: Stage) -> bool:
        """Whether adaptation to this task looks at its unlabelled images."""
        return self.inner_weight(episode, stage) > 0

    def outer_weight(self, episode: Episode, stage: Stage) -> float:
        """λ of the outer loss on this task; 0 when it has no unlabelled images of its own."""
        return self.ssl.outer_weight(stage) if len(episode.outer_unlabelled) else 0.0

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


def query_scores(logits: Tensor, episode: Episode) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross-entropy on the queries, and {loss, accuracy} to log: logits [Q, N]."""
    loss = cross_entropy(logits, episode.query_y, episode.query_weight)
    scores = {"loss": loss, "accuracy": accuracy(logits, episode.query_y, episode.query_weight)}
    return loss, {name: value.detach() for name, value in scores.items()}
