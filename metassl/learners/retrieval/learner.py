"""Learners that start from the stored tasks that are most like the new one.

Legend: M stored tasks, n rows of a task, P retrieved parameters, Q query, C places, K inner steps.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from metassl.backbones.base import Backbone
from metassl.errors import ConfigError
from metassl.learners.base import Scores, Theta
from metassl.learners.gradient.inner_loop import InnerLoop
from metassl.learners.gradient.learner import BACKBONE, GradientLearner
from metassl.learners.retrieval.distance import Newcomer, Probe, TaskDistance, TaskSet
from metassl.learners.retrieval.memory import TaskMemory, neighbour_weights
from metassl.outcomes.classification import cross_entropy, one_hot
from metassl.ssl.term import SSLTerm
from metassl.tasks.episode import Episode
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import Stage


class RetrievalLearner(GradientLearner):
    """φ_0 = θ + Σ_j w_j (φ_j - θ_j), w by the distances of the new task to M stored ones; then K inner steps.

    φ_j is what the inner loop made of θ_j, the θ of the moment when task j was stored: from θ_j itself, not
    from a retrieved start, or each entry would hold the sum of its ancestors. The differences are constants;
    outer gradients reach θ, and through w the parameters of the distance. The features that a distance
    compares are constants too. With an empty memory this is MAML.
    By default only the backbone is retrieved. The head's rows belong to class positions, whose names mean
    nothing from task to task: retrieving them would hand class 0 the weights of someone else's class 0.

    Source: parameters weighted by a kernel between tasks as in Venkitaraman et al. 2020 (TANML); unlabelled
    images in the distance between tasks as in Sun et al. 2024 (IWML). The memory is ours.

    Args:
        backbone, ssl, task, adaptation: see GradientLearner.
        distance: d(new task, stored task).
        size: M.
        items: n, rows kept of a task: the support first, then U; more are cut.
        neighbours: stored tasks that take part; None for all, 1 for the nearest alone.
        temperature: τ of the weights, a share of the mean distance.
        writes: tasks of each meta-batch that are stored.
        retrieve: prefixes of the parameters that are retrieved, of those that the inner loop moves.
    """

    def __init__(
        self,
        backbone: Backbone,
        ssl: SSLTerm,
        task: TaskSpec,
        distance: TaskDistance,
        size: int,
        items: int,
        neighbours: int | None,
        temperature: float,
        writes: int,
        retrieve: Sequence[str],
        **adaptation: Any,
    ) -> None:
        super().__init__(backbone, ssl, task, **adaptation)
        named = {n: p for n, p in self.named_parameters() if self.moves(n) and n.startswith(tuple(retrieve))}
        if not named:
            raise ConfigError(
                f"model.retrieve: found {list(retrieve)}, which names nothing that the inner loop moves; "
                f"allowed are prefixes within model.adapt, {list(self.prefixes)}."
            )
        self.retrieved = list(named)
        self.distance, self.items, self.neighbours = distance, items, neighbours
        self.temperature, self.writes = temperature, writes
        mine = {n: p for n, p in self.named_parameters() if n.startswith(BACKBONE)}
        summary = distance.bind(backbone.out_dim, mine)
        count = sum(p.numel() for p in named.values())
        self.memory = TaskMemory(size, items, backbone.out_dim, summary, count)
        self.draws = distance.draws(size)
        self.reads_unlabelled = distance.reads_unlabelled
        self.reads_queries = distance.reads_queries

    @property
    def transductive(self) -> bool:
        """True also for a distance that looks at the queries, as the oracle control does."""
        return super().transductive or self.reads_queries

    def loop(self, theta: Theta, episode: Episode, stage: Stage) -> tuple[InnerLoop, dict[str, Tensor]]:
        """The inner loop of a task, and φ_0 from its nearest stored tasks."""
        delta = self.memory.mixed(self.weights(theta, episode, stage))
        return super().loop(self.shifted(theta, delta), episode, stage)

    def path_from(self, theta: Theta, episode: Episode, stage: Stage) -> Iterator[dict[str, Tensor]]:
        """φ_0, …, φ_K from θ itself; the memory has no part in it."""
        inner, phi = super().loop(theta, episode, stage)
        return (moment.phi for moment in inner.moments(phi))

    def weights(self, theta: Theta, episode: Episode, stage: Stage) -> Tensor:
        """[M] what each stored task counts in the start."""
        new = self.newcomer(theta, episode, stage)
        distances = self._metric(theta, self.distance, new, self.memory.tasks())
        return neighbour_weights(distances, self.memory.used, self.neighbours, self.temperature)

    def shifted(self, theta: Theta, delta: Tensor) -> dict[str, Tensor]:
        """θ with delta [P] added to the retrieved parameters."""
        parts = delta.split([theta[name].numel() for name in self.retrieved])
        moved = zip(self.retrieved, parts, strict=True)
        return {**theta, **{name: theta[name] + part.view_as(theta[name]) for name, part in moved}}

    def newcomer(self, theta: Theta, episode: Episode, stage: Stage) -> Newcomer:
        """What the distance may ask about a task."""

        def losses(places: Tensor, steps: int) -> Tensor:
            return self.losses_from(theta, episode, stage, self.memory.delta[places], steps)

        return Newcomer(self.describe(theta, episode, stage), episode.random, losses)

    @torch.no_grad()
    def losses_from(self, theta: Theta, episode: Episode, stage: Stage, deltas: Tensor, steps: int) -> Tensor:
        """[C] cross-entropy on the queries, `steps` (up to K) inner steps from θ + delta: deltas [C, P]."""
        found = []
        for delta in deltas:
            placed = self.shifted(theta, delta)
            *_, phi = islice(self.path_from(placed, episode, stage), steps + 1)
            logits = self.after(placed, self.adapted(episode, stage, phi), episode)
            found.append(cross_entropy(logits, episode.query_y, episode.query_weight))
        return torch.stack(found)

    @torch.no_grad()
    def describe(self, theta: Theta, episode: Episode, stage: Stage) -> TaskSet:
        """The task's set under θ: S, and the first view of U where it takes part at this stage."""
        x, weight, labelled = episode.support_x, episode.support_weight, episode.support_weight
        if self.reads_unlabelled and self.uses_unlabelled(episode, stage):
            unlabelled = episode.unlabelled
            x = torch.cat((x, next(iter(unlabelled.views.values()))))
            weight = torch.cat((weight, unlabelled.weight))
            labelled = torch.cat((labelled, torch.zeros_like(unlabelled.weight)))
        x, weight, labelled = x[: self.items], weight[: self.items], labelled[: self.items]
        constants = {name: p.detach() for name, p in theta.items()}
        anchor, counted = self.anchor(episode, stage), weight if episode.padded else None

        def features(changed: Theta) -> Tensor:
            return self.under({**constants, **changed}, self.embed, x, counted, anchor)

        rows = features({}).to(weight.dtype)
        labels = F.pad(one_hot(episode.support_y, episode.way), (0, 0, 0, len(x)))[: len(x)].to(rows.dtype)
        probe = Probe(features, constants, rows, weight, labels * labelled.unsqueeze(-1), episode.class_mask)
        missing = self.items - len(x)
        return TaskSet(
            F.pad(rows, (0, 0, 0, missing)),
            F.pad(weight, (0, missing)),
            F.pad(labelled, (0, missing)),
            self.distance.summarise(probe),
        )

    def outer_loss(self, theta: Theta, episode: Episode, stage: Stage) -> tuple[Tensor, Scores]:
        """That of the gradient learner, plus what trains a learned distance."""
        loss, scores = super().outer_loss(theta, episode, stage)
        scores["progress"] = torch.full_like(scores["loss"], stage.progress).unsqueeze(0)
        if self.distance.learned and stage.training:
            new = self.newcomer(theta, episode, stage)
            metric = self._metric(theta, self.distance.loss, new, self.memory.tasks(), self.memory.count)
            loss, scores = loss + metric, {**scores, "metric_loss": metric.detach()}
        return loss, scores

    @torch.no_grad()
    def after_outer_step(self, tasks: Episode, scores: Scores) -> None:
        """Stores the first tasks of the meta-batch."""
        super().after_outer_step(tasks, scores)
        stage = Stage(training=True, progress=float(scores["progress"]))
        for t in range(min(self.writes, tasks.count)):
            self.store(self.theta(), tasks.task(t), stage)

    @torch.no_grad()
    def store(self, theta: Theta, episode: Episode, stage: Stage) -> None:
        """Adapts to a task from θ, and keeps its set and φ - θ."""
        *_, phi = self.path_from(theta, episode, stage)
        delta = torch.cat([(phi[name] - theta[name]).flatten() for name in self.retrieved])
        self.memory.write(self.describe(theta, episode, stage), delta)

    def _metric(self, theta: Theta, function: Callable[..., Tensor], *args: Any) -> Tensor:
        # in full precision: a cost |x|² - 2xy + |y|² of half-precision parts is mostly rounding
        with torch.autocast(self.memory.delta.device.type, enabled=False):
            return self.under(theta, function, *args)
