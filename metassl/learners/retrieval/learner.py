"""Learners that start from the stored tasks that are most like the new one.

Legend: M stored tasks, n rows of a task, P retrieved parameters, Q query, C places, K inner steps.
"""

from collections.abc import Callable
from itertools import islice
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from metassl.backbones.base import Backbone
from metassl.errors import ConfigError
from metassl.inner.base import MakeInner
from metassl.inner.sgd import SGD
from metassl.learners.adapted import Anchor
from metassl.learners.base import Scores
from metassl.learners.gradient.learner import BACKBONE, HEAD
from metassl.learners.gradient.maml import MAML
from metassl.learners.retrieval.distance import NewTask, Probe, TaskDistance, TaskSet
from metassl.learners.retrieval.memory import TaskMemory, neighbour_weights
from metassl.learners.retrieval.mmd import MMD
from metassl.learners.traits import LearnerTraits
from metassl.norms.base import Pass
from metassl.numerics.tensors import Tensors, constants
from metassl.schema.ranges import Count, Positive, Whole, Words
from metassl.tasks.episode import Episode
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import Stage


class RetrievalLearner(MAML):
    """Starts from the adapted parameters of the stored training tasks that are most like the new one.

    φ_0 = θ + Σ_j w_j (φ_j - θ_j), w by the distances of the new task to M stored ones; then K inner steps.

    φ_j is what the inner loop made of θ_j, the θ of the moment when task j was stored: from θ_j itself, not
    from a retrieved start, or each entry would hold the sum of its ancestors. The differences are constants;
    outer gradients reach θ, and through w the parameters of the distance. The features that a distance
    compares are constants too. With an empty memory this is MAML.
    By default only the backbone is retrieved. The head's rows belong to class positions, whose names mean
    nothing from task to task: retrieving them would hand class 0 the weights of someone else's class 0.

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
        retrieve: prefixes of the parameters that are retrieved, of those that the inner loop moves.
    """

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
        retrieve: Words = (BACKBONE,),
    ) -> None:
        super().__init__(backbone, task, inner, steps, test_steps, order, adapt)
        named = {n: p for n, p in self.moved().items() if n.startswith(tuple(retrieve))}
        if not named:
            raise ConfigError(
                f"model.retrieve: found {list(retrieve)}, which names nothing that the inner loop moves; "
                f"allowed are prefixes within model.adapt, {list(self.prefixes)}."
            )
        self.retrieved = list(named)
        self.distance, self.items, self.neighbours = distance or MMD(), items, neighbours
        self.temperature, self.writes = temperature, writes
        count = sum(p.numel() for p in named.values())
        self.memory = TaskMemory(size, items, backbone.out_dim, self.distance.summary, count)
        self.draws = self.distance.draws(size)
        self.traits = LearnerTraits(
            reads_unlabelled=self.distance.reads_unlabelled,
            reads_queries=self.distance.reads_queries,
            transductive=self.distance.reads_queries,  # as the oracle control does
            outcomes=self.distance.outcomes,
        )

    def start(self, episode: Episode, anchor: Anchor, stage: Stage) -> dict[str, Tensor]:
        """φ_0 from the nearest stored tasks."""
        delta = self.memory.mixed(self.weights(episode, stage))
        return self.shifted(super().start(episode, anchor, stage), delta)

    def plain_start(self, episode: Episode, stage: Stage) -> dict[str, Tensor]:
        """φ_0 = θ; the memory has no part in it."""
        return super().start(episode, self.anchor(episode, stage), stage)

    def weights(self, episode: Episode, stage: Stage) -> Tensor:
        """[M] what each stored task counts in the start."""
        new = self.new_task(episode, stage)
        distances = self._metric(self.distance, new, self.memory.tasks())
        return neighbour_weights(distances, self.memory.used, self.neighbours, self.temperature)

    def shifted(self, phi: Tensors, delta: Tensor) -> dict[str, Tensor]:
        """φ with delta [P] added to the retrieved parameters."""
        parts = delta.split([phi[name].numel() for name in self.retrieved])
        moved = zip(self.retrieved, parts, strict=True)
        return {**phi, **{name: phi[name] + part.view_as(phi[name]) for name, part in moved}}

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
            phi = self.shifted(self.plain_start(episode, stage), delta)
            *_, last = islice(self.path_from(phi, episode, stage), steps + 1)
            weight = episode.query_weight if episode.padded else None
            logits = self.predict(self.adapted(episode, stage, last), episode.query_x, weight)
            found.append(episode.query_loss(logits))
        return torch.stack(found)

    @torch.no_grad()
    def describe(self, episode: Episode, stage: Stage) -> TaskSet:
        """The task's set under θ: S, and the first view of U where it takes part at this stage."""
        x, weight, labelled = episode.support_x, episode.support_weight, episode.support_weight
        if self.traits.reads_unlabelled and self.uses_unlabelled(episode, stage):
            unlabelled = episode.unlabelled
            x = torch.cat((x, next(iter(unlabelled.views.values()))))
            weight = torch.cat((weight, unlabelled.weight))
            labelled = torch.cat((labelled, torch.zeros_like(unlabelled.weight)))
        x, weight, labelled = x[: self.items], weight[: self.items], labelled[: self.items]
        theta, how = constants(self.theta()), Pass(weight if episode.padded else None)
        anchor = self.anchor(episode, stage)

        def features(changed: Tensors) -> Tensor:
            with self.placed({**theta, **changed}):
                return self.embed(x, anchor, how)

        rows = features({}).to(weight.dtype)
        labels = F.pad(episode.support_targets(), (0, 0, 0, len(x)))[: len(x)].to(rows.dtype)
        probe = Probe(features, weight, labels * labelled.unsqueeze(-1), episode.class_mask)
        missing = self.items - len(x)
        return TaskSet(
            F.pad(rows, (0, 0, 0, missing)),
            F.pad(weight, (0, missing)),
            F.pad(labelled, (0, missing)),
            self.distance.summarise(probe),
        )

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
        """Stores the first tasks of the meta-batch."""
        super().after_outer_step(tasks, scores)
        stage = Stage(training=True, progress=float(scores["progress"]))
        self.distance.settle(self.theta(), stage.progress)
        for t in range(min(self.writes, tasks.count)):
            self.store(tasks.task(t), stage)

    @torch.no_grad()
    def store(self, episode: Episode, stage: Stage) -> None:
        """Adapts to a task from θ, and keeps its set and φ - θ."""
        start = self.plain_start(episode, stage)
        *_, last = self.path_from(start, episode, stage)
        delta = torch.cat([(last.phi[name] - start[name]).flatten() for name in self.retrieved])
        self.memory.write(self.describe(episode, stage), delta)

    def _metric(self, function: Callable[..., Tensor], *args: Any) -> Tensor:
        # in full precision: a cost |x|² - 2xy + |y|² of half-precision parts is mostly rounding
        with torch.autocast(self.memory.delta.device.type, enabled=False):
            return function(*args)
