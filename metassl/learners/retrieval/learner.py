"""Learners that start from the stored tasks that are most like the new one.

Legend: M stored tasks, n rows of a task, P retrieved parameters, Q query, C places, K inner steps.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any, Literal

import torch
from torch import Tensor

from metassl.backbones.base import Backbone
from metassl.errors import ConfigError
from metassl.inner.base import MakeInner
from metassl.inner.sgd import SGD
from metassl.learners.adapted import Anchor
from metassl.learners.base import Scores
from metassl.learners.gradient.first_head import FirstHead, FirstHeadMAML
from metassl.learners.gradient.learner import BACKBONE, HEAD
from metassl.learners.retrieval.describing import described
from metassl.learners.retrieval.distance import NewTask, TaskDistance, TaskSet
from metassl.learners.retrieval.examples import TaskExamples
from metassl.learners.retrieval.flat import FlatParameters
from metassl.learners.retrieval.memory import TaskMemory, neighbour_weights
from metassl.learners.retrieval.mmd import MMD
from metassl.outcomes.base import narrower
from metassl.schema.ranges import Count, Positive, Whole, Words
from metassl.tasks.episode import Episode
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import Stage


class RetrievalLearner(FirstHeadMAML):
    """Starts from the adapted parameters of the stored training tasks that are most like the new one.

    φ_0 = θ + Σ_j w_j (φ_j - θ_j), w by the distances of the new task to M stored ones; then K inner steps.

    φ_j is what the inner loop made of θ_j, the θ of the moment when task j was stored: from θ_j itself, not
    from a retrieved start, or each entry would hold the sum of its ancestors. The differences are constants;
    outer gradients reach θ, and through w the parameters of the distance. The features that a distance
    compares are constants too. With an empty memory this is MAML.
    By default only the backbone is retrieved, and of classes the head starts as the prototypes under the
    retrieved backbone. With a learned head (model=nearest_task_linear) a row belongs to the class that
    happens to have its number, and what adaptation makes of the backbone depends on these names as well.

    As θ moves on, entries age. With `refresh` the examples of the stored tasks are kept too, and at each
    outer step the tasks that were adapted to longest ago are adapted to and described once more, under the θ
    of now; before a validation all of them. Between validations an entry is then at most M / refresh outer
    steps old, and about M / (refresh + writes); without, up to M / writes.

    Differs from the paper: TANML learns its parameters in the space of the kernel; here they are those that
    the inner loop found, kept in a memory.

    Source: parameters weighted by a kernel between tasks as in Venkitaraman et al. 2020 (TANML); unlabelled
    images in the distance between tasks as in Sun et al. 2024 (IWML).

    Args:
        backbone, task, inner, steps, test_steps, order, adapt: see MAML.
        distance: d(new task, stored task); None: the maximum mean discrepancy of their features.
        size: M.
        items: n, rows kept of a task: the support first, then U; more are cut.
        neighbours: stored tasks that take part; None for all, 1 for the nearest alone.
        temperature: τ of the weights, a share of the mean distance.
        writes: tasks of each meta-batch that are stored.
        refresh: stored tasks that each outer step adapts to once more; 0: none, and no examples are kept.
        retrieve: prefixes of the parameters that are retrieved, of those that the inner loop moves.
        first_head: what each task's head starts as; None for prototypes of classes, a learned one of values.
    """

    progress: Tensor

    def __init__(
        self,
        backbone: Backbone,
        task: TaskSpec,
        inner: MakeInner = SGD,
        steps: Whole = 3,
        test_steps: Whole | None = 4,
        order: Literal[1, 2] = 2,
        adapt: Words = (BACKBONE, HEAD),
        distance: TaskDistance | None = None,
        size: Count = 64,
        items: Count = 30,
        neighbours: Count | None = 5,
        temperature: Positive = 0.1,
        writes: Count = 1,
        refresh: Whole = 0,
        retrieve: Words = (BACKBONE,),
        first_head: FirstHead | None = None,
    ) -> None:
        super().__init__(backbone, task, inner, steps, test_steps, order, adapt, first_head)
        self.retrieved = FlatParameters(self._named(retrieve))
        self.distance, self.items, self.neighbours = distance or MMD(), items, neighbours
        self.temperature, self.writes, self.refresh = temperature, writes, refresh
        self.memory = TaskMemory(size, items, backbone.out_dim, self.distance.summary, self.retrieved.size)
        self.examples = TaskExamples(size, task.outcome)
        self.register_buffer("progress", torch.zeros(()))
        self.draws = self.distance.draws(size)
        self.traits = replace(
            self.traits,
            reads_unlabelled=self.distance.reads_unlabelled,
            reads_queries=self.distance.reads_queries,
            transductive=self.distance.reads_queries,  # as the oracle control does
            keeps_tasks=True,
            outcomes=narrower(self.traits.outcomes, self.distance.outcomes),
        )

    def _named(self, prefixes: Words) -> dict[str, Tensor]:
        """What the inner loop moves of θ, with these prefixes."""
        kept = self.moved_of_theta()
        idle = [prefix for prefix in prefixes if not any(name.startswith(prefix) for name in kept)]
        if idle:
            raise ConfigError(
                f"model.retrieve: found {idle}, which names nothing that the inner loop moves and θ has; "
                f"allowed are beginnings of {', '.join(sorted(kept))}."
            )
        return {name: p for name, p in kept.items() if name.startswith(tuple(prefixes))}

    def start(self, episode: Episode, anchor: Anchor, stage: Stage) -> dict[str, Tensor]:
        """φ_0 from the nearest stored tasks."""
        return self.start_at(self.memory.mixed(self.weights(episode, stage)), episode, stage)

    def start_at(self, delta: Tensor, episode: Episode, stage: Stage) -> dict[str, Tensor]:
        """φ_0 with delta [P] added to what is retrieved; prototypes are those of its features."""
        with self.placed(self.moved_by(delta)):
            return self.plain_start(episode, stage)

    def plain_start(self, episode: Episode, stage: Stage) -> dict[str, Tensor]:
        """φ_0 = θ; the memory has no part in it."""
        return super().start(episode, self.anchor(episode, stage), stage)

    def weights(self, episode: Episode, stage: Stage) -> Tensor:
        """[M] what each stored task counts in the start."""
        new = self.new_task(episode, stage)
        distances = self._metric(self.distance, new, self.memory.tasks())
        return neighbour_weights(distances, self.memory.used, self.neighbours, self.temperature)

    @torch.no_grad()
    def findings(self, episode: Episode, stage: Stage) -> Scores:
        """How far the task is from the nearest stored one."""
        if not self.memory.written:
            return {}
        distances = self._metric(self.distance, self.new_task(episode, stage), self.memory.tasks())
        return {"task_distance": torch.where(self.memory.used, distances, torch.inf).min()}

    def moved_by(self, delta: Tensor) -> dict[str, Tensor]:
        """The retrieved parameters of θ with delta [P] added."""
        theta = self.theta()
        return {name: theta[name] + part for name, part in self.retrieved.tensors(delta).items()}

    def new_task(self, episode: Episode, stage: Stage) -> NewTask:
        """What the distance may ask about a task."""

        def losses(places: Tensor, steps: int) -> Tensor:
            return self.losses_from(episode, stage, self.memory.delta[places], steps)

        return NewTask(self.describe(episode, stage), episode.random, losses)

    @torch.no_grad()
    def losses_from(self, episode: Episode, stage: Stage, deltas: Tensor, steps: int) -> Tensor:
        """[C] loss on the queries, `steps` (up to K) inner steps from θ + delta: deltas [C, P]."""
        found = []
        for delta in deltas:
            phi = self.start_at(delta, episode, stage)
            *_, last = islice(self.path_from(phi, episode, stage), steps + 1)
            weight = episode.query_weight if episode.padded else None
            logits = self.predict(self.adapted(episode, stage, last), episode.query_x, weight)
            found.append(episode.query_loss(logits))
        return torch.stack(found)

    def describe(self, episode: Episode, stage: Stage) -> TaskSet:
        """The task's set under θ: S, and the first view of U where it takes part at this stage."""
        reads = self.traits.reads_unlabelled and self.uses_unlabelled(episode, stage)
        return described(self, episode, self.anchor(episode, stage), reads, self.items, self.distance)

    def outer_loss(self, episode: Episode, stage: Stage) -> tuple[Tensor, Scores]:
        """That of MAML, plus what trains a learned distance."""
        loss, scores = super().outer_loss(episode, stage)
        scores["progress"] = torch.full_like(scores["loss"], stage.progress).unsqueeze(0)
        if self.distance.learned and stage.training:
            new = self.new_task(episode, stage)
            metric = self._metric(self.distance.loss, new, self.memory.tasks(), self.memory.count)
            loss, scores = loss + metric, {**scores, "metric_loss": metric.detach()}
        return loss, scores

    @torch.no_grad()
    def after_outer_step(self, tasks: Episode, scores: Scores) -> None:
        """Stores the first tasks of the meta-batch, and adapts to the oldest stored ones once more."""
        super().after_outer_step(tasks, scores)
        self.progress.copy_(scores["progress"].squeeze(0))
        self.distance.settle(self.theta(), float(self.progress))
        for t in range(min(self.writes, tasks.count)):
            self.store(tasks.task(t), self._storing)
        if self.refresh:
            self.renew(self.refresh)

    def before_validation(self) -> None:
        """All stored tasks are as the θ of now makes them."""
        if self.refresh:
            self.renew(self.memory.size)

    @property
    def _storing(self) -> Stage:
        """Stored tasks are adapted to as in training."""
        return Stage(training=True, progress=float(self.progress))

    def store(self, episode: Episode, stage: Stage) -> None:
        """Adapts to a task from θ, and keeps its set and φ - θ."""
        if self.refresh:
            place = self.memory.next_place()
            self.examples.keep(place, episode)
            episode = self.examples.task(place)  # what it is at each refresh
        self.memory.write(self.describe(episode, stage), self.difference(episode, stage))

    def renew(self, count: int) -> None:
        """Adapts to `count` stored tasks once more, those of longest ago first."""
        for place in self.memory.oldest(count):
            episode, stage = self.examples.task(place), self._storing
            self.memory.put(place, self.describe(episode, stage), self.difference(episode, stage))

    @torch.no_grad()
    def difference(self, episode: Episode, stage: Stage) -> Tensor:
        """[P] φ - θ of the retrieved parameters, adapted from θ itself."""
        start = self.plain_start(episode, stage)
        *_, last = self.path_from(start, episode, stage)
        return self.retrieved.vector(last.phi) - self.retrieved.vector(start)

    def _metric(self, function: Callable[..., Tensor], *args: Any) -> Tensor:
        # in full precision: a cost |x|² - 2xy + |y|² of half-precision parts is mostly rounding
        with torch.autocast(self.memory.delta.device.type, enabled=False):
            return function(*args)
