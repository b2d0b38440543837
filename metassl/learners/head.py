"""Learners that fit a closed-form head on features: ProtoNet and what is built like it.

Legend: N way, S support, U unlabelled, Q query, D features.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from metassl.backbones.base import Backbone
from metassl.episode import Episode, TaskSpec, Unlabelled
from metassl.heads.base import Head
from metassl.learners.base import Adapted, MetaLearner, Theta, query_scores
from metassl.losses import mask_classes, one_hot
from metassl.ssl.base import Context
from metassl.ssl.term import SSLTerm
from metassl.stage import Stage

Features = Mapping[str, Tensor]


class HeadLearner(MetaLearner):
    """Fits the head on S; then, `rounds` times, refits it on S ∪ (U, q, λ·w) with the objective's labels.

    The outer loss is CE(Q), plus λ times the objective's penalty on U (a closed form has no inner
    loss to add it to), plus with at=outer or both λ_out·SSL on the outer loss's own images.
    An objective that only penalises therefore changes nothing in the adaptation at test.
    Support, U and queries of a task go through the backbone in one call.

    Source: Snell et al. 2017 (prototypes); Ren et al. 2018, section 3 (refits).

    Args:
        backbone: maps inputs to features.
        ssl: the SSL term.
        task: not needed by a closed form.
        head: the closed-form head.
        rounds: number of refits.
    """

    def __init__(self, backbone: Backbone, ssl: SSLTerm, task: TaskSpec, head: Head, rounds: int) -> None:
        super().__init__(backbone, ssl)
        self.head, self.rounds = head, rounds

    @property
    def transductive(self) -> bool:
        """True when the backbone or the head looks at the other queries."""
        return self.backbone.transductive or self.head.transductive

    def adapt(self, theta: Theta, episode: Episode, stage: Stage) -> Adapted:
        """The fitted head."""
        return self.under(theta, self._adapt, episode, stage)

    def _adapt(self, episode: Episode, stage: Stage) -> Adapted:
        state = self._fit(episode, self._features(episode, stage, queries=False), stage)
        return Adapted({}, state, self.anchor(episode, stage), episode.class_mask)

    def predict(self, theta: Theta, adapted: Adapted, x: Tensor) -> Tensor:
        """[n, N] logits by the fitted head."""
        return self.under(theta, self._predict, adapted, x)

    def _predict(self, adapted: Adapted, x: Tensor) -> Tensor:
        z = self.embed(x, None, adapted.anchor)
        return mask_classes(self.head.logits(adapted.head, z), adapted.class_mask)

    def query_logits(self, theta: Theta, episode: Episode, stage: Stage) -> Tensor:
        """[Q, N] logits of the queries."""
        return self.under(theta, self._query_logits, episode, stage)

    def _query_logits(self, episode: Episode, stage: Stage) -> Tensor:
        z = self._features(episode, stage, queries=True)
        return self._classify(self._fit(episode, z, stage), z["query"], episode)

    def meta_loss(self, theta: Theta, episode: Episode, stage: Stage) -> tuple[Tensor, dict[str, Tensor]]:
        """CE on the queries plus the weighted SSL terms."""
        return self.under(theta, self._meta_loss, episode, stage)

    def _meta_loss(self, episode: Episode, stage: Stage) -> tuple[Tensor, dict[str, Tensor]]:
        z = self._features(episode, stage, queries=True)
        state = self._fit(episode, z, stage)
        loss, scores = query_scores(self._classify(state, z["query"], episode), episode)
        inner, outer = self.inner_weight(episode, stage), self.outer_weight(episode, stage)
        if inner:
            context = self._context(episode, episode.unlabelled, "inner", z, state, stage)
            loss = loss + inner * self.ssl.penalty(context)
        if outer:
            context = self._context(episode, episode.outer_unlabelled, "outer", z, state, stage)
            loss = loss + outer * self.ssl.loss(context)
        return loss, scores

    def _features(self, episode: Episode, stage: Stage, queries: bool) -> Features:
        """Features of the support, of the views that take part, and of the queries, in one call."""
        parts = {"support": (episode.support_x, episode.support_weight)}
        if self.uses_unlabelled(episode, stage):
            parts |= _view_parts("inner", episode.unlabelled)
        if self.outer_weight(episode, stage):
            parts |= _view_parts("outer", episode.outer_unlabelled)
        if queries:
            parts["query"] = (episode.query_x, episode.query_weight)
        xs, weights = zip(*parts.values(), strict=True)
        weight = torch.cat(weights) if episode.padded else None
        z = self.embed(torch.cat(xs), weight, self.anchor(episode, stage))
        return dict(zip(parts, z.split([len(x) for x in xs]), strict=True))

    def _fit(self, episode: Episode, z: Features, stage: Stage) -> Any:
        labels = one_hot(episode.support_y, episode.way)
        state = self.head.fit(z["support"], labels, episode.support_weight)
        weight = self._refit_weight(episode, stage) if self.ssl.objective.labels else 0.0
        for _ in range(self.rounds if weight else 0):
            given = self.ssl.label(self._context(episode, episode.unlabelled, "inner", z, state, stage))
            if given is None:
                break
            state = self.head.fit(
                torch.cat((z["support"], z[f"inner/{given.view}"])),
                torch.cat((labels, given.q)),
                torch.cat((episode.support_weight, weight * given.weight)),
            )
        return state

    def uses_unlabelled(self, episode: Episode, stage: Stage) -> bool:
        """A refit needs U, and in training a penalty does; at test a penalty alone has no use for it."""
        refits = self.ssl.objective.labels and self._refit_weight(episode, stage) > 0
        return refits or (stage.training and self.inner_weight(episode, stage) > 0)

    def _refit_weight(self, episode: Episode, stage: Stage) -> float:
        return self.ssl.refit_weight(stage) if len(episode.unlabelled) else 0.0

    def _classify(self, state: Any, z: Tensor, episode: Episode) -> Tensor:
        return mask_classes(self.head.logits(state, z), episode.class_mask)

    def _context(
        self, episode: Episode, unlabelled: Unlabelled, part: str, z: Features, state: Any, stage: Stage
    ) -> Context:
        """The objective's window on the task, through the head as it is fitted now."""
        return Context(
            episode,
            unlabelled,
            embed=lambda view: z[f"{part}/{view}"],
            embed_support=lambda: z["support"],
            classify=lambda features: self._classify(state, features, episode),
            stage=stage,
        )


def _view_parts(part: str, unlabelled: Unlabelled) -> dict[str, tuple[Tensor, Tensor]]:
    return {f"{part}/{name}": (x, unlabelled.weight) for name, x in unlabelled.views.items()}
