"""Learners that fit a closed-form head on features: ProtoNet and what is built like it.

Legend: N way, S support, U unlabelled, Q query, D features.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.nn import functional as F

from metassl.backbones.base import Backbone
from metassl.heads.base import Head
from metassl.heads.prototypes import Prototypes
from metassl.heads.sphere import Sphere
from metassl.learners.adapted import Adapted, Anchor
from metassl.learners.base import SSL, MetaLearner, Scores, query_scores
from metassl.learners.predictor import LearnerPredictor
from metassl.learners.traits import LearnerTraits
from metassl.norms.base import ALL_ROWS, Pass
from metassl.numerics.tensors import Tensors
from metassl.outcomes.base import mask_outputs
from metassl.schema.ranges import Positive, Switch, Whole
from metassl.ssl.context import Context, Memory
from metassl.tasks.episode import Episode, Unlabelled
from metassl.tasks.stage import Stage

Features = Mapping[str, Tensor]
R = TypeVar("R")


class HeadLearner(MetaLearner):
    """Fits a closed-form head to a task, once more with the objective's labels of the unlabelled examples.

    The head is fitted on S; then, `rounds` times, refitted on S ∪ (U, q, λ·w) with the objective's labels.
    The outer loss is the head's loss on Q, plus λ times the objective's penalty on U (a closed form has no
    inner loss to add it to), plus with at=outer or both λ_out·SSL on the outer loss's own images.
    An objective that only penalises therefore changes nothing in the adaptation at test.
    Support, U and queries of a task go through the backbone in one call.

    Source: Snell et al. 2017 (prototypes); Ren et al. 2018, section 3 (refits).

    Args:
        backbone: maps inputs to features.
        head: the closed-form head; None: prototypes.
        rounds: number of refits.
        unit_length: whether features are scaled to length 1 before head and objective see them.
        temperature: initial factor of their squared distances, which is learned; None: none.
    """

    def __init__(
        self,
        backbone: Backbone,
        head: Head | None = None,
        rounds: Whole = 1,
        unit_length: Switch = False,
        temperature: Positive | None = None,
    ) -> None:
        super().__init__(backbone)
        self.head, self.rounds = Prototypes() if head is None else head, rounds
        self.sphere = Sphere(unit_length, temperature)
        self.traits = LearnerTraits(
            takes_gradient_steps=False,
            follows_averages=True,
            reads_unlabelled=self.head.reads_unlabelled,
            transductive=self.head.transductive,
            embeds_apart=True,
            outcomes=self.head.outcomes,
        )

    def embed(self, x: Tensor, anchor: Anchor, how: Pass = ALL_ROWS) -> Tensor:
        """[n, D] features of x [n, ...], scaled as the learner was asked to."""
        return self.sphere(super().embed(x, anchor, how))

    def modulate(self, episode: Episode, stage: Stage) -> dict[str, Tensor]:
        """An overlay on θ that depends on the task, {} for none."""
        return {}

    def adapt(self, episode: Episode, stage: Stage) -> Adapted:
        """The fitted head, and the overlay that it was fitted under."""
        overlay = self.modulate(episode, stage)
        with self.placed(overlay):
            state, _ = self._fit(episode, self._features(episode, stage, queries=False), stage)
        anchor, mask = self.anchor(episode, stage), episode.class_mask
        return Adapted(overlay, state, anchor, mask, outcome=episode.outcome)

    def predict(self, adapted: Adapted, x: Tensor, weight: Tensor | None = None) -> Tensor:
        """[n, K] outputs by the fitted head, each input for itself where the norm and the head allow it."""
        with self.placed(adapted.overlay):
            z = self.embed(x, adapted.anchor, Pass(weight))
            return mask_outputs(self.head.of(adapted.outcome).logits(adapted.head, z), adapted.class_mask)

    def query_logits(self, episode: Episode, stage: Stage) -> Tensor:
        """[Q, N] logits of the queries, which go through the backbone together with the rest of the task."""
        with self.placed(self.modulate(episode, stage)):
            z = self._features(episode, stage, queries=True)
            state, _ = self._fit(episode, z, stage)
            return self._of_queries(episode, z["query"], state)

    def _of_queries(self, episode: Episode, z: Tensor, state: Any) -> Tensor:
        weight = episode.query_weight if episode.padded else None
        outputs = self.head.of(episode.outcome).query_logits(state, z, weight)
        more = outputs.shape[-1] - episode.outputs  # a head may have an answer for what is of no class
        return mask_outputs(outputs, F.pad(episode.class_mask, (0, more), value=True))

    def outer_loss(self, episode: Episode, stage: Stage) -> tuple[Tensor, Scores]:
        """The head's loss on the queries plus the weighted SSL terms."""
        return self.loss_under(self.modulate(episode, stage), episode, stage)

    def loss_under(self, overlay: Tensors, episode: Episode, stage: Stage) -> tuple[Tensor, Scores]:
        """As `outer_loss`, with these values in place of θ's."""
        with self.placed(overlay):
            z = self._features(episode, stage, queries=True)
            state, memory = self._fit(episode, z, stage)
            logits = self._of_queries(episode, z["query"], state)
            _, scores = query_scores(logits, episode)
            loss = self._task_loss(episode, z, state, logits, stage)
            with self.placed(self.meta_constants()):
                loss = loss + self._outer_ssl(episode, z, state, stage)
                return loss, scores | self.reports(memory)

    def _task_loss(self, episode: Episode, z: Features, state: Any, logits: Tensor, stage: Stage) -> Tensor:
        """The head's loss on the queries, and what it adds to it."""
        head = self.head.of(episode.outcome)
        loss = head.loss(state, logits, episode.query_y, episode.query_weight, episode.outcome)
        return loss + self._regulariser(episode, z)

    def _regulariser(self, episode: Episode, z: Features) -> Tensor | float:
        targets = episode.outcome.targets(episode.query_y, episode.outputs)
        return self.head.of(episode.outcome).regulariser(
            torch.cat((z["support"], z["query"])),
            torch.cat((episode.support_targets(), targets)),
            torch.cat((episode.support_weight, episode.query_weight)),
        )

    def _outer_ssl(self, episode: Episode, z: Features, state: Any, stage: Stage) -> Tensor | float:
        inner, outer = self.inner_weight(episode, stage), self.outer_weight(episode, stage)
        total: Tensor | float = 0.0
        if inner:
            context = self._context(episode, episode.unlabelled, "inner", z, state, stage)
            total = total + inner * self.ssl.objective.strength(context) * self.ssl.penalty(context)
        if outer:
            context = self._context(episode, episode.outer_unlabelled, "outer", z, state, stage)
            total = total + outer * self.ssl.loss(context)
        return total

    def observe(self, episode: Episode, stage: Stage, function: Callable[[Context], R]) -> R:
        """See MetaLearner."""
        with self.placed(self.modulate(episode, stage)):
            z = self._features(episode, stage, queries=False)
            state, _ = self._fit(episode, z, stage)
            return function(self._context(episode, episode.unlabelled, "inner", z, state, stage))

    def uses_unlabelled(self, episode: Episode, stage: Stage) -> bool:
        """A refit and a set encoder need U, and in training a penalty; at test a penalty alone doesn't."""
        active = self.inner_weight(episode, stage) > 0
        refits = self.ssl.objective.labels and self._refit_weight(episode, stage) > 0
        return refits or (active and (stage.training or self.traits.reads_unlabelled))

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
        how = Pass(torch.cat(weights) if episode.padded else None)
        z = self.embed(torch.cat(xs), self.anchor(episode, stage), how)
        return dict(zip(parts, z.split([len(x) for x in xs]), strict=True))

    def _first_fit(self, z: Tensor, episode: Episode, stage: Stage) -> Any:
        """The head's state by S alone, whose features are z."""
        head = self.head.of(episode.outcome)
        return head.fit(z, episode.support_targets(), episode.support_weight)

    def _fit(self, episode: Episode, z: Features, stage: Stage) -> tuple[Any, Memory]:
        """The head's state, and what the objective kept of the last refit."""
        memory: Memory = {}
        head = self.head.of(episode.outcome)
        rows = [(z["support"], episode.support_targets(), episode.support_weight)]
        reads = self.traits.reads_unlabelled and self.uses_unlabelled(episode, stage)
        reads = reads and head.reads_unlabelled  # of CNAPs the encoder alone may
        state = head.fit_with_unlabelled(*rows[0], *_first_view(episode, z)) if reads else head.fit(*rows[0])
        weight = self._refit_weight(episode, stage) if self.ssl.objective.labels else 0.0
        for _ in range(self.rounds if weight else 0):
            context = self._context(episode, episode.unlabelled, "inner", z, state, stage)
            given, memory = self.ssl.label(context), context.memory
            if given is None:
                break
            worth = weight * self.ssl.objective.strength(context) * given.weight
            u = z[f"inner/{given.view}"]
            of_support = (*rows[0][:2], self.ssl.support_weights(context))
            state = _fit_rows(head, [of_support, (u, given.q, worth)])
            if given.rest is not None:
                share, log_radius = given.rest
                state = head.with_rest(state, u, share, log_radius, episode.class_mask)
        return state, memory

    def _refit_weight(self, episode: Episode, stage: Stage) -> float:
        weight = self.ssl.refit_weight(stage, self.head.refit_weight)
        return weight if len(episode.unlabelled) else 0.0

    def _context(
        self, episode: Episode, unlabelled: Unlabelled, part: str, z: Features, state: Any, stage: Stage
    ) -> Context:
        """The objective's view of the task through the head as it is fitted now."""
        head = self.head.of(episode.outcome)

        def predicts(state: Any) -> Callable[[Tensor], Tensor]:
            return lambda features: mask_outputs(head.logits(state, features), episode.class_mask)

        def fit(support: Tensor) -> Callable[[Tensor], Tensor]:
            return predicts(self._first_fit(support, episode, stage))

        start = f"{part}/"
        known = {name.removeprefix(start): f for name, f in z.items() if name.startswith(start)}
        predictor = LearnerPredictor(
            learner=self,
            episode=episode,
            unlabelled=unlabelled,
            anchor=self.anchor(episode, stage),
            params={name: p for name, p in self.theta().items() if not name.startswith(SSL)},
            fit=fit,
            classifier=predicts(state),
            known={**known, "support": z["support"]},
        )
        return self.ssl.advanced(self.ssl.context(episode, unlabelled, predictor, stage))


def _view_parts(part: str, unlabelled: Unlabelled) -> dict[str, tuple[Tensor, Tensor]]:
    return {f"{part}/{name}": (x, unlabelled.weight) for name, x in unlabelled.views.items()}


def _fit_rows(head: Head, rows: list[tuple[Tensor, Tensor, Tensor]]) -> Any:
    return head.fit(*(torch.cat(column) for column in zip(*rows, strict=True)))


def _first_view(episode: Episode, z: Features) -> tuple[Tensor, Tensor]:
    """Features and weights of U's first view, for heads that read rows without a label."""
    return z[f"inner/{next(iter(episode.unlabelled.views))}"], episode.unlabelled.weight
