"""How well a distance tells which of the known starts is the better one for a task.

Legend: T test tasks, M stored tasks, or the starts of model=starts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import singledispatch

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from metassl.evaluation.intervals import Interval, over_seeds
from metassl.learners.base import MetaLearner
from metassl.learners.retrieval.distance import TaskDistance
from metassl.learners.retrieval.learner import RetrievalLearner
from metassl.learners.starts.distance import StartDistance
from metassl.learners.starts.learner import StartsLearner
from metassl.tasks.episode import Episode
from metassl.tasks.stage import TEST


@dataclass(frozen=True)
class Transfer:
    """What was measured.

    Attributes:
        gains: [T, M] the loss on Q after adaptation from θ, less that from the stored start; above 0: it
            helps. Of model=starts, where θ is no start: the mean loss over the starts, less that of each.
        distances: name -> [T, M].
    """

    gains: np.ndarray
    distances: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Agreement:
    """How a distance agrees with the gains.

    Attributes:
        correlation: Spearman's, of -d and the gain over the stored tasks; mean over test tasks, t-interval.
        nearest: gain from the nearest stored task, the same.
    """

    correlation: Interval
    nearest: Interval


@singledispatch
def measure_transfer(
    learner: MetaLearner, tasks: Iterable[Episode], distances: Mapping[str, nn.Module]
) -> Transfer:
    """Adapts to each task from every start that the learner knows, and asks each distance for them."""
    raise TypeError(f"{type(learner).__name__} knows no starts")


@measure_transfer.register
@torch.no_grad()
def _of_starts(
    learner: StartsLearner, tasks: Iterable[Episode], distances: Mapping[str, StartDistance]
) -> Transfer:
    gains: list[Tensor] = []
    found: dict[str, list[Tensor]] = {name: [] for name in distances}
    for number, task in enumerate(tasks):
        views = [learner.view(start, task, TEST) for start in learner.each()]
        losses = torch.stack([view.query_loss() for view in views])
        gains.append(losses.mean() - losses)
        for name, distance in distances.items():
            generator = torch.Generator().manual_seed(number)
            found[name].append(distance(views, torch.rand(distance.draws, generator=generator)))
    return Transfer(_table(gains), {name: _table(rows) for name, rows in found.items()})


@measure_transfer.register
@torch.no_grad()
def _of_stored_tasks(
    learner: RetrievalLearner, tasks: Iterable[Episode], distances: Mapping[str, TaskDistance]
) -> Transfer:
    """Adapts to each task from θ and from every stored start: M + 1 adaptations a task.

    U is in the sets as it is in the learner's memory: not at all in a run with distance=labels.
    """
    memory = learner.memory
    count = int(memory.count)
    stored = tree_map(lambda x: x[:count], memory.tasks())
    starts = torch.cat((torch.zeros_like(memory.delta[:1]), memory.delta[:count]))
    gains: list[Tensor] = []
    found: dict[str, list[Tensor]] = {name: [] for name in distances}
    for number, task in enumerate(tasks):
        losses = learner.losses_from(task, TEST, starts, learner.test_steps)
        gains.append(losses[0] - losses[1:])
        new = learner.new_task(task, TEST)
        for name, distance in distances.items():
            generator = torch.Generator().manual_seed(number)
            numbers = torch.rand(distance.draws(count), generator=generator).to(stored.weight)
            found[name].append(distance.exact(replace(new, random=numbers), stored))
    return Transfer(_table(gains), {name: _table(rows) for name, rows in found.items()})


def agreement(gains: np.ndarray, distances: np.ndarray) -> Agreement:
    """How one distance agrees with the gains; both [T, M].

    Equal distances to all stored tasks have no correlation: nan.
    """
    from scipy.stats import rankdata  # here, because it takes about a second to import

    def centred(x: np.ndarray) -> np.ndarray:
        ranks = rankdata(x, axis=1)
        return ranks - ranks.mean(1, keepdims=True)

    near, gain = centred(-distances), centred(gains)
    length = np.sqrt((near**2).sum(1) * (gain**2).sum(1))
    correlation = np.divide((near * gain).sum(1), length, out=np.full(len(gain), np.nan), where=length > 0)
    nearest = gains[np.arange(len(gains)), distances.argmin(1)]
    return Agreement(over_seeds(correlation), over_seeds(nearest))


def _table(rows: list[Tensor]) -> np.ndarray:
    return np.stack([row.double().cpu().numpy() for row in rows])
