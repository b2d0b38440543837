"""A test that embeds each image once, where its features are the same in every task.

The episodes then hold numbers of images in place of images, and the backbone is a table. Whatever looks at
the images themselves can't run so, and is tested the direct way.

Legend: T tasks, n images of a task, D features.
"""

from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from torch import Tensor, nn

from metassl.backbones.base import Backbone
from metassl.data.builder import EpisodeBuilder
from metassl.data.task_stream import TaskStream
from metassl.engine.base import Engine
from metassl.engine.loop import Loop
from metassl.engine.vmap import Vmap
from metassl.learners.base import MetaLearner
from metassl.norms.base import ALL_ROWS, Pass
from metassl.tasks.episode import Episode, TaskBatch
from metassl.tasks.stage import Stage

IMAGES = 128  # embedded at once
TASKS = 200  # adapted to at once: features are small
ROOM = 5e8  # numbers that tasks at once may have in the differences of all pairs of their rows, 2 GB


@dataclass(frozen=True)
class MetaTest:
    """What a meta-test runs: a learner in evaluation mode, how, and on which episodes."""

    learner: MetaLearner
    engine: Engine
    stream: TaskStream

    @property
    def device(self) -> torch.device:
        """Where the learner is."""
        return next(chain(self.learner.parameters(), self.learner.buffers())).device

    def batches(self) -> Iterator[TaskBatch]:
        """The episodes, on the device."""
        return (batch.to(self.device) for batch in self.stream)

    def query_logits(self, tasks: Episode, stage: Stage) -> Tensor:
        """[T, Q, N] logits of the queries."""
        return self.engine.map(self.learner, lambda learner, task: learner.query_logits(task, stage), tasks)

    def findings(self, tasks: Episode, stage: Stage) -> dict[str, Tensor]:
        """By name, [T] what the learner finds of the tasks besides its answers."""
        return self.engine.map(self.learner, lambda learner, task: learner.findings(task, stage), tasks)


class Table(Backbone):
    """The backbone of images that are numbers: looks their features up. An image is embedded when first met.

    Args:
        backbone: embeds.
        builder: makes images of rows.
        device: of the features.
    """

    features: Tensor

    def __init__(self, backbone: Backbone, builder: EpisodeBuilder, device: torch.device) -> None:
        super().__init__()
        self.norm, self.out_dim = backbone.norm, backbone.out_dim
        assert builder.items is not None
        self.place = np.full(len(builder.items), -1, dtype=np.int64)
        self.register_buffer("features", torch.empty(builder.sampler.count, self.out_dim, device=device))
        self.met, self.threads = 0, torch.get_num_threads()
        # not as submodules: the table's parameters are none
        self.images, self.embed = builder.gather, [backbone]

    def numbers(self, rows: np.ndarray) -> Tensor:
        """[T, n] rows of the pool's items -> [T, n] numbers of their features."""
        torch.set_num_threads(self.threads)  # the stream's own thread has one, enough for gathering
        new = np.unique(rows)
        new = new[self.place[new] < 0]
        for part in np.array_split(new, -(-len(new) // IMAGES)) if len(new) else ():
            with torch.no_grad():
                found = self.embed[0](self.images(part[None])[0].to(self.features.device))
            self.features[self.met : self.met + len(part)] = found
            self.place[part] = np.arange(self.met, self.met + len(part))
            self.met += len(part)
        return torch.from_numpy(self.place[rows])

    def forward(self, x: Tensor, how: Pass = ALL_ROWS) -> Tensor:
        """[n] numbers -> [n, D]."""
        return self.features[x]


def embed_once(test: MetaTest, stages: Iterable[Stage]) -> MetaTest:
    """The same test from a table of features, or the test itself where that can't be."""
    learner, builder = test.learner.eval(), test.stream.builder
    alone = not (learner.backbone.traits.transductive or learner.backbone.traits.from_support)
    if not (learner.traits.embeds_apart and alone and builder.plain):
        return test
    table = Table(learner.backbone, builder, next(learner.parameters()).device)
    stream = copy(test.stream)
    stream.builder, stream.tasks = builder.gathering(table.numbers), TASKS
    together = at_once(stream.builder(range(1)).episodes, learner.backbone.out_dim)
    engine = Loop() if learner.traits.leaves_torch else Vmap(together)
    fast = MetaTest(_with_backbone(learner, table), engine, stream)
    return fast if _agree(test, fast, stages) else test


def at_once(task: Episode, width: int) -> int:
    """Tasks like this one that may be adapted to together: fewer where they are large."""
    rows = sum(weight.shape[1] for weight in (task.support_weight, task.unlabelled.weight, task.query_weight))
    return max(1, min(TASKS, int(ROOM / (width * rows**2))))


def _agree(test: MetaTest, fast: MetaTest, stages: Iterable[Stage]) -> bool:
    """Whether both give the same logits on the first episode, and the fast one gives any."""
    try:
        return all(torch.allclose(_first(test, s), _first(fast, s), rtol=1e-3, atol=1e-3) for s in stages)
    except (RuntimeError, TypeError, IndexError):  # something computes with the numbers, or vmap has no rule
        return False


def _first(test: MetaTest, stage: Stage) -> Tensor:
    """[1, Q, N] logits of the first episode."""
    with torch.no_grad():
        return test.query_logits(test.stream.builder(range(1)).to(test.device).episodes, stage)


def _with_backbone(learner: MetaLearner, backbone: nn.Module) -> MetaLearner:
    """A learner that shares all but the backbone."""
    twin = copy(learner)
    twin._modules = {**learner._modules, "backbone": backbone}
    return twin
