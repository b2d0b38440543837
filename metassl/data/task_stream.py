"""Meta-batches one after the other, each made in a thread or a process while its predecessor is in use."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from copy import copy
from typing import TypeVar

import torch
from torch.utils.data import IterableDataset, get_worker_info

from metassl.data.builder import EpisodeBuilder
from metassl.tasks.episode import TaskBatch

A = TypeVar("A")
B = TypeVar("B")


class TaskStream(IterableDataset):
    """Hands out meta-batches of episodes, in order and, if it has no end, for ever.

    Meta-batch b holds the episodes b·T to b·T + T - 1; a rank takes every world-th of them.

    Args:
        builder: makes a meta-batch from episode numbers.
        tasks: T, episodes a meta-batch over all ranks.
        episodes: where to stop; None for never.
        start: the first meta-batch.
        rank, world: this process and how many there are.
    """

    def __init__(
        self,
        builder: EpisodeBuilder,
        tasks: int,
        episodes: int | None = None,
        start: int = 0,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.builder, self.tasks, self.episodes = builder, tasks, episodes
        self.start, self.rank, self.world = start, rank, world

    def first(self, episodes: int) -> "TaskStream":
        """The same, of this many episodes."""
        made = copy(self)
        made.episodes = episodes
        return made

    def __iter__(self) -> Iterator[TaskBatch]:
        """Meta-batches in order; with W loader workers each makes every W-th, and they interleave."""
        worker = get_worker_info()
        if worker is None:
            yield from ahead(self.builder, self._episodes(self.start, 1))
        else:
            yield from map(self.builder, self._episodes(self.start + worker.id, worker.num_workers))

    def _episodes(self, batch: int, stride: int) -> Iterator[range]:
        """The episodes of this rank in each meta-batch."""
        while self.episodes is None or batch * self.tasks < self.episodes:
            low = batch * self.tasks
            high = low + self.tasks if self.episodes is None else min(low + self.tasks, self.episodes)
            yield range(low + self.rank, high, self.world)
            batch += stride


def ahead(make: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
    """map(make, items), each made in a thread while its predecessor is in use."""
    with ThreadPoolExecutor(1, "episodes", torch.set_num_threads, (1,)) as pool:
        pending: Future[B] | None = None
        for item in items:
            upcoming = pool.submit(make, item)
            if pending is not None:
                yield pending.result()
            pending = upcoming
        if pending is not None:
            yield pending.result()
