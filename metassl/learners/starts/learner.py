"""What learners have in common that keep G starts of another learner: where a task starts from them.

Legend: G starts, S support, U unlabelled, Q query, D features, F numbers that are followed.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Self, TypeVar

import torch
from torch import Tensor

from metassl.backbones.base import Backbone
from metassl.errors import ConfigError
from metassl.learners.adapted import Adapted
from metassl.learners.base import MetaLearner, Scores
from metassl.learners.retrieval.flat import FlatParameters
from metassl.learners.retrieval.memory import neighbour_weights
from metassl.learners.starts.distance import StartDistance
from metassl.learners.starts.view import StartView
from metassl.learners.traits import LearnerTraits
from metassl.numerics.tensors import Tensors
from metassl.outcomes.base import narrower
from metassl.ssl.context import Context
from metassl.ssl.term import SSLTerm
from metassl.tasks.episode import Episode, Unlabelled
from metassl.tasks.stage import Stage

R = TypeVar("R")
SHARES, MEASURED = "starts.shares", "starts.measured"


class StartsLearner(MetaLearner):
    """Keeps G starts of another learner, the one behind it, and chooses where a task starts from.

    φ_0 = θ + Σ_g w_g δ_g, w by the distances d(D, g) of the task to the starts; the learner behind it then
    adapts from φ_0 as it always does. A subclass says what the weights are and how the starts are trained.

    Args:
        backbone: the one of the learner behind.
        behind: adapts from the start. Its norm must not follow moving averages: G networks have G of them.
        distance: d(D, g).
        count: G.
        moves: prefixes of the parameters of the learner behind that differ from start to start. A linear
            head's rows have the names of classes, which mean nothing in another task: it stays out.
    """

    delta: torch.nn.Parameter

    def __init__(
        self,
        backbone: Backbone,
        behind: MetaLearner,
        distance: StartDistance,
        count: int,
        moves: Sequence[str],
    ) -> None:
        super().__init__(backbone)
        if distance.count != count:
            raise ConfigError(
                f"start_distance.count: found {distance.count}, allowed is model.count, {count}: a distance "
                "to each start."
            )
        self.behind, self.distance = behind, distance
        theta = {n: p for n, p in behind.predictor_parameters().items() if p.requires_grad}
        own = {name: p for name, p in theta.items() if name.startswith(tuple(moves))}
        if not own:
            parts = sorted({f"'{name.split('.')[0]}.'" for name in theta})
            raise ConfigError(
                f"model.moves: found {list(moves)}, which names nothing that is trained in the learner "
                f"behind; allowed are prefixes of its parameters' names: {', '.join(parts)}."
            )
        self.moved = FlatParameters(own)
        # as far apart as networks that were drawn anew; the scales of norms, which are all alike, are shared
        apart = [torch.randn(count, p.numel()) * _deviation(p) for p in own.values()]
        self.delta = torch.nn.Parameter(torch.cat(apart, 1))
        self.draws = behind.draws + distance.draws
        self.traits = _traits(behind.traits, distance)

    @property
    def count(self) -> int:
        """G."""
        return self.distance.count

    def attach(self, ssl: SSLTerm) -> Self:
        """See MetaLearner: the learner behind has the same term."""
        self.behind.attach(ssl)
        return super().attach(ssl)

    def predictor_parameters(self) -> dict[str, Tensor]:
        """See MetaLearner: it is the learner behind that predicts."""
        return self.behind.predictor_parameters()

    def weights(self, episode: Episode, stage: Stage) -> Tensor:
        """[G] what each start counts for a task."""
        raise NotImplementedError

    def under(self, weights: Tensor) -> dict[str, Tensor]:
        """θ + Σ_g w_g δ_g for weights [G], as values of the learner behind."""
        moved = (weights.unsqueeze(-1) * self.delta).sum(0)  # no matrix product, which autocast would round
        theta = self.behind.theta()
        return {name: theta[name] + part for name, part in self.moved.tensors(moved).items()}

    def each(self) -> list[dict[str, Tensor]]:
        """The G starts, as values of the learner behind."""
        return [self.under(row) for row in torch.eye(self.count).to(self.delta)]

    def findings(self, episode: Episode, stage: Stage) -> Scores:
        """How far the task is from its nearest start."""
        return {"start_distance": self.distances(episode, stage).min()}

    def start(self, episode: Episode, stage: Stage) -> dict[str, Tensor]:
        """φ_0 of a task."""
        return self.under(self.weights(episode, stage))

    def distances(self, episode: Episode, stage: Stage) -> Tensor:
        """[G] d(D, g)."""
        views = [self.view(start, episode, stage) for start in self.each()]
        distances: Tensor = self.distance(views, episode.random[self.behind.draws :])
        return distances

    def view(self, start: Tensors, episode: Episode, stage: Stage) -> StartView:
        """A task as a start sees it."""
        task = self._task(episode)
        return StartView(self.behind, start, task, self._described(task, stage), stage)

    def _described(self, episode: Episode, stage: Stage) -> Unlabelled | None:
        """U where it belongs to a task's set at test.

        Training tasks that come without it, as with ssl.at=test, lend the inputs of their queries.
        """
        if not (self.distance.reads_unlabelled and stage.unlabelled and self.ssl.inner_views(training=False)):
            return None
        if len(episode.unlabelled):
            return episode.unlabelled
        if not stage.training:
            return None
        nothing = episode.query_weight.unsqueeze(-1)[:, :0]
        return Unlabelled({"queries": episode.query_x}, episode.query_weight, nothing)

    def uses_unlabelled(self, episode: Episode, stage: Stage) -> bool:
        """See MetaLearner."""
        reads = self.distance.reads_unlabelled and self.inner_weight(episode, stage) > 0
        return reads or self.behind.uses_unlabelled(episode, stage)

    def redraws(self, training: bool) -> int:
        """See MetaLearner."""
        return self.behind.redraws(training)

    def adapt(self, episode: Episode, stage: Stage) -> Adapted:
        """The start, and what the learner behind makes of it."""
        start = self.start(episode, stage)
        with self.behind.placed(start):
            adapted = self.behind.adapt(self._task(episode), stage)
        return replace(adapted, overlay={**start, **adapted.overlay})

    def predict(self, adapted: Adapted, x: Tensor, weight: Tensor | None = None) -> Tensor:
        """See MetaLearner."""
        return self.behind.predict(adapted, x, weight)

    def query_logits(self, episode: Episode, stage: Stage) -> Tensor:
        """See MetaLearner."""
        with self.behind.placed(self.start(episode, stage)):
            return self.behind.query_logits(self._task(episode), stage)

    def loss_from(self, start: Tensors, episode: Episode, stage: Stage) -> tuple[Tensor, Scores]:
        """The outer loss and the scores of the learner behind, from a start."""
        with self.behind.placed(start):
            return self.behind.outer_loss(self._task(episode), stage)

    def outer_loss(self, episode: Episode, stage: Stage) -> tuple[Tensor, Scores]:
        """That of the learner behind, from the start of the task."""
        return self.loss_from(self.start(episode, stage), episode, stage)

    def observe(self, episode: Episode, stage: Stage, function: Callable[[Context], R]) -> R:
        """See MetaLearner."""
        with self.behind.placed(self.start(episode, stage)):
            return self.behind.observe(self._task(episode), stage, function)

    def before_validation(self) -> None:
        """See MetaLearner."""
        self.behind.before_validation()

    def metric_loss(self, losses: Tensor | None, episode: Episode, stage: Stage) -> Tensor | float:
        """What trains a learned distance; losses [G] of the starts on Q where they are known."""
        if not self.distance.learned:
            return 0.0
        if losses is None:
            with torch.no_grad():
                losses = torch.stack([self.view(one, episode, stage).query_loss() for one in self.each()])
        return self.distance.loss(self.distances(episode, stage), losses)

    @torch.no_grad()
    def followed(self, shares: Tensor, episode: Episode, stage: Stage) -> Scores:
        """What the distance follows of the start that a training task had by shares [G]."""
        if not self.distance.follows:
            return {}
        measured = self.distance.measure(self.view(self.under(shares), episode, stage))
        return {SHARES: shares, MEASURED: shares.unsqueeze(-1) * measured}

    @torch.no_grad()
    def after_outer_step(self, tasks: Episode, scores: Scores) -> None:
        """What the learner behind keeps from step to step, and what is usual of each start."""
        self.behind.after_outer_step(tasks, scores)
        if self.distance.follows:
            self.distance.follow(scores[SHARES], scores[MEASURED])

    def _task(self, episode: Episode) -> Episode:
        """The task with the random numbers of the learner behind alone."""
        return replace(episode, random=episode.random[: self.behind.draws])


def start_weights(distances: Tensor, neighbours: int | None, temperature: float = 1.0) -> Tensor:
    """Says how much each start counts, by its distance to the task.

    [G] as `neighbour_weights` of distances [G]; an infinite one counts nothing, or all the same if all are.
    """
    known = torch.isfinite(distances)
    used = known | ~known.any()
    return neighbour_weights(torch.where(known, distances, 0), used, neighbours, temperature)


def _deviation(p: Tensor) -> Tensor:
    return p.detach().std(correction=0)


def _traits(behind: LearnerTraits, distance: StartDistance) -> LearnerTraits:
    return replace(
        behind,
        follows_averages=False,
        reads_unlabelled=behind.reads_unlabelled or distance.reads_unlabelled,
        reads_queries=behind.reads_queries or distance.reads_queries,
        transductive=behind.transductive or distance.reads_queries,
        embeds_apart=False,
        outcomes=narrower(behind.outcomes, distance.outcomes),
    )
