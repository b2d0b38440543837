"""Controls: what retrieval is worth without a metric, without U, and with a perfect one.

Legend: M stored tasks.
"""

from dataclasses import replace

import torch
from torch import Tensor

from metassl.learners.retrieval.distance import NewTask, Probe, TaskDistance, TaskSet
from metassl.numerics.tensors import Tensors
from metassl.schema.ranges import Whole


class LabelledOnly(TaskDistance):
    """Another distance that sees the supports alone: what U adds is the difference to it.

    Args:
        of: the other distance.
    """

    reads_unlabelled = False

    def __init__(self, of: TaskDistance) -> None:
        super().__init__()
        self.of, self.summary, self.outcomes = of, of.summary, of.outcomes

    def settle(self, params: Tensors, progress: float) -> None:
        """See TaskDistance."""
        self.of.settle(params, progress)

    def summarise(self, probe: Probe) -> Tensor:
        """See TaskDistance."""
        return self.of.summarise(probe)

    def forward(self, new: NewTask, stored: TaskSet) -> Tensor:
        """[M]."""
        distances: Tensor = self.of(replace(new, task=_supports(new.task)), _supports(stored))
        return distances


class Random(TaskDistance):
    """A control: picks neighbours by chance.

    Uniform random numbers: any neighbour is as good as any other.
    """

    reads_unlabelled = False

    def draws(self, size: int) -> int:
        """A number for each place."""
        return size

    def forward(self, new: NewTask, stored: TaskSet) -> Tensor:
        """[M] in (0, 1)."""
        return new.random.to(stored.weight.dtype)


class Average(TaskDistance):
    """A control: every stored task is equally near, so each task starts from their mean.

    0 to every task: the start is the mean of all stored ones, whatever the number of neighbours.
    """

    reads_unlabelled = False

    def forward(self, new: NewTask, stored: TaskSet) -> Tensor:
        """[M] zeros."""
        return torch.zeros_like(stored.weight[:, 0])


class QueryLabelOracle(TaskDistance):
    """A control, no method: looks at the query labels to find the best stored task.

    The cross-entropy on the QUERIES that each stored start leads to. AN ORACLE, NO METHOD.

    It reads the test labels, so its accuracy is no result: it bounds what any metric could gain from this
    memory. It costs `steps` inner steps for each stored task.

    Args:
        steps: inner steps before the queries are looked at.
    """

    reads_unlabelled = False
    reads_queries = True

    def __init__(self, steps: Whole = 1) -> None:
        super().__init__()
        self.steps = steps

    def forward(self, new: NewTask, stored: TaskSet) -> Tensor:
        """[M] >= 0."""
        places = torch.arange(len(stored.weight), device=stored.weight.device)
        return new.losses(places, self.steps)


def _supports(task: TaskSet) -> TaskSet:
    return replace(task, weight=task.weight * task.labelled)
