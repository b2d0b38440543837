"""What a distance between tasks is, and what it may see of them.

Legend: M stored tasks, n rows of a task (support first, then U), D features, F numbers of a summary,
N way, R random numbers of a task, C candidates.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn
from torch.utils._pytree import register_dataclass

from metassl.numerics.tensors import Tensors
from metassl.outcomes.base import Outcome


@dataclass(frozen=True)
class TaskSet:
    """A task as a set of features; with a leading M in every tensor, the memory.

    Attributes:
        rows: [n, D] features of the support, then of U, then padding.
        weight: [n] 1 for an image, 0 for padding; all 0 where the memory is empty.
        labelled: [n] 1 for rows of the support.
        summary: [F] what the distance keeps of a task besides its rows.
    """

    rows: Tensor
    weight: Tensor
    labelled: Tensor
    summary: Tensor

    @property
    def shares(self) -> Tensor:
        """[..., n] weights that sum to 1, or to 0 for an empty place."""
        return self.weight / self.weight.sum(-1, keepdim=True).clamp(min=1e-12)


@dataclass(frozen=True)
class Probe:
    """What a distance may look at to summarise a task before it is stored.

    What a summary is made from.

    Attributes:
        features: (values in place of some of θ's parameters) -> [n, D] features of the task's rows.
        weight: see TaskSet, without padding.
        labels: [n, N] one-hot rows for the support, 0 for U.
        class_mask: [N] classes that the task has.
    """

    features: Callable[[Tensors], Tensor]
    weight: Tensor
    labels: Tensor
    class_mask: Tensor


@dataclass(frozen=True)
class NewTask:
    """What a distance may ask about the task that looks for its like.

    Attributes:
        task: its set.
        random: [R] numbers in (0, 1).
        losses: (places [C] in the memory, inner steps) -> [C] loss on the QUERIES, adapted from the
            start that each place gives; constants. It reads the query labels, so it is only for what trains
            a metric and for the oracle control.
    """

    task: TaskSet
    random: Tensor
    losses: Callable[[Tensor, int], Tensor]


register_dataclass(TaskSet)


class TaskDistance(nn.Module):
    """Says how far a new task is from the stored ones: 0 or more.

    Features come in as constants; its own parameters are learned. A constructor may ask for `features` (D)
    and `backbone` by these names.

    Attributes:
        summary: F.
        reads_unlabelled: whether U belongs to the tasks' sets.
        reads_queries: whether it looks at the query labels at test: an ORACLE, no method.
        learned: whether `loss` adds to the outer loss.
        outcomes: what its tasks may ask for.
    """

    summary: int = 0
    reads_unlabelled: bool = True
    reads_queries: bool = False
    learned: bool = False
    outcomes: tuple[type[Outcome], ...] = (Outcome,)

    def draws(self, size: int) -> int:
        """R for a memory of `size` tasks."""
        return 0

    def settle(self, params: Tensors, progress: float) -> None:
        """Called after each outer step, before tasks are stored: for a distance with a network of its own.

        Args:
            params: the learner's parameters by name, constants.
            progress: share of meta-training that is done.
        """

    def summarise(self, probe: Probe) -> Tensor:
        """[F] numbers to keep of a task."""
        return probe.weight[:0]

    def forward(self, new: NewTask, stored: TaskSet) -> Tensor:
        """[M] distances; those of empty places are not read."""
        raise NotImplementedError

    def exact(self, new: NewTask, stored: TaskSet) -> Tensor:
        """[M] distances as exact as they can be had outside of the engines."""
        distances: Tensor = self(new, stored)
        return distances

    def loss(self, new: NewTask, stored: TaskSet, count: Tensor) -> Tensor:
        """What trains the metric on a task, with `count` places of the memory in use; see `learned`."""
        raise NotImplementedError


def squared_costs(x: Tensor, y: Tensor) -> Tensor:
    """Computes the squared distances between the rows of two sets.

    [..., n, m] ‖x_i - y_j‖² of rows x [..., n, D] and y [..., m, D].

    By |x|² - 2xy + |y|²: the differences of all pairs with a whole memory don't fit for large D.
    """
    cross = x @ y.transpose(-1, -2)
    return (x.square().sum(-1).unsqueeze(-1) - 2 * cross + y.square().sum(-1).unsqueeze(-2)).clamp(min=0)


def mean_cost(cost: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Averages squared distances, as a scale that makes tasks comparable.

    Scalar mean of costs [M, n, m] between a set with shares a [n] and all rows with shares b [M, m].
    """
    weight = a.unsqueeze(-1) * b.unsqueeze(-2)
    return ((cost * weight).sum() / weight.sum().clamp(min=1e-12)).clamp(min=1e-12)
