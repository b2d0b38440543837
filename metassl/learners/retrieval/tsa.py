"""TSA-MAML: an initialisation for each group of tasks, found by what adaptation makes of them.

Legend: G groups, P parameters of an initialisation, M tasks that the groups are made of, K inner steps.
"""

from dataclasses import replace
from typing import Literal

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
from metassl.learners.retrieval.examples import TaskExamples
from metassl.learners.retrieval.flat import FlatParameters
from metassl.numerics.kmeans import k_means
from metassl.numerics.tensors import constants
from metassl.schema.ranges import BelowOne, Count, Several, Whole, Words
from metassl.tasks.episode import Episode
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import Stage

GROUPS = "groups"
ASSIGNING = Stage(training=True)  # at every stage as many steps, and U with its full part


class TSAMAML(FirstHeadMAML):
    """Learns an initialisation for each group of tasks whose adapted parameters are similar.

    Until a share `warm` of meta-training this is MAML. Then, with θ* the θ of that moment, the latest M
    training tasks are adapted to from it, and their φ(θ*, D_i) are divided into G groups by k-means with
    means m_g. From then on θ_g, which starts at m_g, is meta-trained by the tasks of its group,

        g(D) = argmin_g ‖φ(θ*, D) - m_g‖²,  φ_0 = θ_g,

    in training and at test. φ(θ*, D) has K steps of training everywhere. Where the objective takes part in
    the inner loop, U does in φ(θ*, D), and so in what group a task is of.
    φ must mean the same in every task: for classes the head is one of prototypes and belongs to no group; for
    values it is MAML's and does.

    Differs from the paper: it is one run with one outer optimiser and one schedule, where theirs starts both
    anew for the groups; theirs clusters the φ of 10,000 tasks, has MAML's head with the classes' numbers,
    and gives each outer step to the tasks of one group. Here an outer step has tasks of all groups, and the
    learned inner rates are shared.

    Source: Zhou et al. 2021 (TSA-MAML); fixed m_g and θ* in the assignment as in the authors' code.

    Args:
        backbone, task, inner, steps, test_steps, order, adapt: see MAML.
        count: G.
        warm: share of meta-training before the groups are made.
        tasks: M; their examples are kept until then.
        first_head: what each task's head starts as; None for prototypes of classes, a learned one of values.
    """

    means: Tensor
    origin: Tensor
    seen: Tensor
    grouped: Tensor

    def __init__(
        self,
        backbone: Backbone,
        task: TaskSpec,
        inner: MakeInner = SGD,
        steps: Whole = 3,
        test_steps: Whole | None = 4,
        order: Literal[1, 2] = 2,
        adapt: Words = (BACKBONE, HEAD),
        count: Several = 5,
        warm: BelowOne = 0.5,
        tasks: Count = 128,
        first_head: FirstHead | None = None,
    ) -> None:
        super().__init__(backbone, task, inner, steps, test_steps, order, adapt, first_head)
        self.count, self.warm = count, warm
        self.whole = FlatParameters(dict(self.named_parameters()))
        named = self.moved_of_theta()
        if not named:
            raise ConfigError(
                f"model.adapt: found {list(adapt)}, of which each task makes its own anew; allowed are "
                f"prefixes with parameters of {BACKBONE} among them."
            )
        if tasks < count:
            raise ConfigError(f"model.tasks: found {tasks}, allowed are model.count ({count}) or more.")
        self.own = FlatParameters(named)
        self.groups = torch.nn.Parameter(self.own.vector(constants(named)).repeat(count, 1))
        self.examples = TaskExamples(tasks, task.outcome)
        self.register_buffer("origin", self.whole.vector(constants(dict(self.named_parameters()))))
        self.register_buffer("means", torch.zeros_like(self.groups))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        self.register_buffer("grouped", torch.zeros((), dtype=torch.bool))
        self.traits = replace(self.traits, keeps_tasks=True)

    def start(self, episode: Episode, anchor: Anchor, stage: Stage) -> dict[str, Tensor]:
        """φ_0: θ_g of the task's group, or θ before there are groups."""
        with self.placed(self.own.tensors(self._vector(episode, stage))):
            return super().start(episode, anchor, stage)

    def _vector(self, episode: Episode, stage: Stage) -> Tensor:
        theta = self.own.vector(self.theta())
        if stage.training and stage.progress < self.warm:
            # θ in value; each θ_g gets θ's gradient, so that the outer optimiser's averages are right for it
            # when it takes over. Fresh ones in a late step would make the first steps several times too long.
            return theta + (self.groups - self.groups.detach()).sum(0)
        chosen = (self.weights(episode, stage).unsqueeze(-1) * self.groups).sum(0)
        return torch.where(self.grouped, chosen, theta)

    def weights(self, episode: Episode, stage: Stage) -> Tensor:
        """[G] 1 for the group of a task."""
        away = self.distances(episode, stage)
        nearest = torch.arange(self.count, device=away.device) == away.argmin()
        return nearest.to(self.groups.dtype)

    @torch.no_grad()
    def distances(self, episode: Episode, stage: Stage) -> Tensor:
        """[G] ‖φ(θ*, D) - m_g‖²."""
        with self.placed(self.whole.tensors(self.origin)):
            return (self.means - self.solution(episode, stage)).square().sum(-1)

    @torch.no_grad()
    def solution(self, episode: Episode, stage: Stage) -> Tensor:
        """[P] φ of a task from the parameters that are in place."""
        stage = replace(ASSIGNING, unlabelled=stage.unlabelled)
        start = super().start(episode, self.anchor(episode, stage), stage)
        *_, last = self.path_from(start, episode, stage)
        return self.own.vector(last.phi)

    def findings(self, episode: Episode, stage: Stage) -> Scores:
        """How far φ(θ*, D) is from the mean of its group, in parameters."""
        return {"start_distance": self.distances(episode, stage).min().sqrt()} if self.grouped else {}

    def outer_loss(self, episode: Episode, stage: Stage) -> tuple[Tensor, Scores]:
        """That of MAML from the start of the task's group."""
        loss, scores = super().outer_loss(episode, stage)
        return loss, scores | {"progress": torch.full_like(scores["loss"], stage.progress).unsqueeze(0)}

    @torch.no_grad()
    def after_outer_step(self, tasks: Episode, scores: Scores) -> None:
        """Keeps the tasks, until it is time to make groups of them."""
        super().after_outer_step(tasks, scores)
        if self.grouped:
            return
        for t in range(tasks.count):
            self.examples.keep(int(self.seen) % self.examples.size, tasks.task(t))
            self.seen.add_(1)
        if float(scores["progress"]) >= self.warm and self.seen >= self.count:
            self.divide()

    @torch.no_grad()
    def divide(self) -> None:
        """Makes the groups of the kept tasks, and drops these."""
        self.origin.copy_(self.whole.vector(self.theta()))
        kept = self.examples.held.nonzero().flatten().tolist()
        found = torch.stack([self.solution(self.examples.task(place), ASSIGNING) for place in kept])
        clusters = k_means(found, self.count)
        for g in range(self.count):
            members = found[clusters == g]
            self.means[g] = members.mean(0) if len(members) else found.mean(0)
        self.groups.copy_(self.means)
        self.grouped.fill_(True)
        self.examples.forget()
