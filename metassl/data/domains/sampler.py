"""Draws source and target domains, then a task between them: a pure function of (seed, split, i).

Legend: T episodes, D domains, k source domains of a task, C classes of the split, N way, S support,
U unlabelled, Q query, I rows of the largest class that may be drawn.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from metassl.data.domains.contents import DomainPool
from metassl.data.domains.enough import check_enough
from metassl.data.domains.roles import Combination, family_number
from metassl.data.domains.spec import ALL, DomainSpec
from metassl.data.drawing.draw import Draw
from metassl.data.drawing.random_numbers import RandomNumbers, below, pick_distinct

# Each thing that is random has a lane of its own, so that S and Q stay when U changes.
DOMAINS, CLASSES, SOURCE_ROWS, TARGET_ROWS, QUERY_ORDER, UNLABELLED_ORDER = range(1, 7)


class Columns(NamedTuple):
    """Rows of one part of the tasks, [T, n] each: their numbers, their labels, and which are no padding."""

    rows: np.ndarray
    labels: np.ndarray
    weight: np.ndarray


class Ranked(NamedTuple):
    """The rows of the classes of some tasks in one of their domains, in random order.

    Attributes:
        rows: [T, N, I] numbers of rows.
        counts: [T, N] how many of them there are.
    """

    rows: np.ndarray
    counts: np.ndarray

    def part(self, first: int, count: int | str) -> Columns:
        """From rank `first` on `count` rows of each class, or all: [T, N·count]."""
        stop = self.rows.shape[2] if count == ALL else first + int(count)
        rows, ranks = self.rows[:, :, first:stop], np.arange(first, stop)
        labels = np.broadcast_to(np.arange(rows.shape[1])[:, None], rows.shape)
        there = np.broadcast_to(ranks < self.counts[:, :, None], rows.shape)
        return Columns(*(x.reshape(len(rows), -1) for x in (rows, labels, there)))


class DomainSampler:
    """Draws tasks of several combinations of domains, each combination as likely.

    S is of the source domains and, with `target_shot`, of the target; Q is of the target; U is of the target
    or of both. All are different rows.

    Args:
        pool: the classes of the split in all domains.
        combinations: the domains that a task may be of.
        spec: the make-up of an episode.
        seed: of the episodes.
        split: train, val or test.
        outer: whether each episode needs a second set of unlabelled rows.

    Raises:
        ConfigError: too few classes, or rows of a class in a domain; says which.
    """

    def __init__(
        self,
        pool: DomainPool,
        combinations: Sequence[Combination],
        spec: DomainSpec,
        seed: int,
        split: str,
        outer: bool = False,
    ) -> None:
        self.pool, self.spec, self.seed, self.split = pool, spec, seed, split
        self.sets = 2 if outer else 1
        self.sources = np.array([each.sources for each in combinations])
        self.targets = np.array([each.target for each in combinations])
        self.families = np.array([family_number(each, len(pool.domain_names)) for each in combinations])
        check_enough(pool, np.unique(self.sources), np.unique(self.targets), spec, self.sets, split)

    @property
    def padded(self) -> bool:
        """Whether some places are padding."""
        return self.spec.padded

    @property
    def count(self) -> int:
        """Rows of the domains that are drawn."""
        used = np.union1d(self.sources, self.targets)
        return int(self.pool.counts[used].sum())

    def __call__(self, episodes: Sequence[int] | range) -> Draw:
        """The draw of the episodes with these numbers."""
        spec, numbers = self.spec, RandomNumbers(self.seed, self.split, episodes)
        combination = below(numbers.uniform(DOMAINS, 1)[:, 0], len(self.targets))
        classes = self._classes(numbers)
        target = self._ranked(
            self.targets[combination][:, None], classes, numbers, TARGET_ROWS, self.targets
        )[0]
        sources = self._ranked(self.sources[combination], classes, numbers, SOURCE_ROWS, self.sources)
        support = _joined([*(each.part(0, spec.shot) for each in sources), target.part(0, spec.target_shot)])
        query = _shuffled(target.part(spec.target_shot, spec.queries), numbers, QUERY_ORDER)
        sets = [query] * self.sets if spec.transductive else self._unlabelled(target, sources, numbers)
        none = Columns(*(x[:, :0] for x in query))
        places = np.broadcast_to(np.arange(spec.way), classes.shape)
        return Draw(
            *support,
            *query,
            *sets[0],
            *(sets[1] if self.sets == 2 else none),
            distractor=np.zeros(sets[0].rows.shape, bool),
            class_mask=np.ones(classes.shape, bool),
            class_ids=self.pool.class_ids[classes],
            classes=classes if self.split == "train" else places.copy(),
            generators=numbers,
            family=self.families[combination],
        )

    def _classes(self, numbers: RandomNumbers) -> np.ndarray:
        """[T, N] different classes of the split."""
        if self.spec.label_order == "fixed":
            return np.broadcast_to(np.arange(self.spec.way), (len(numbers), self.spec.way)).copy()
        return pick_distinct(numbers.uniform(CLASSES, self.spec.way), len(self.pool.class_names))

    def _ranked(
        self,
        domains: np.ndarray,
        classes: np.ndarray,
        numbers: RandomNumbers,
        lane: int,
        possible: np.ndarray,
    ) -> list[Ranked]:
        """The rows of the classes [T, N] in each of the domains [T, k], which are of the possible ones."""
        most = int(self.pool.counts[possible].max())
        count, way = domains.shape[1], classes.shape[1]
        keys = numbers.uniform(lane, count * way * most).reshape(-1, count, way, most)
        ranked = []
        for k in range(count):
            counts = self.pool.counts[domains[:, k, None], classes]
            there = np.arange(most) < counts[:, :, None]
            order = np.where(there, keys[:, k], np.inf).argsort(axis=2)
            starts = self.pool.starts[domains[:, k, None], classes]
            # what is no row is padding, for which any number does
            ranked.append(Ranked(starts[:, :, None] + np.minimum(order, counts[:, :, None] - 1), counts))
        return ranked

    def _unlabelled(self, target: Ranked, sources: Sequence[Ranked], numbers: RandomNumbers) -> list[Columns]:
        """U, and the outer set."""
        spec = self.spec
        if not spec.drawn:
            return [target.part(0, 0)] * self.sets
        first, first_of_sources = spec.target_shot + int(spec.queries), spec.shot
        parts = []
        for k in range(self.sets):
            of_sources = [
                each.part(int(first_of_sources) + k * spec.drawn, spec.drawn)
                for each in (sources if spec.drawn_of_sources else ())
            ]
            parts.append(_joined([target.part(first + k * spec.drawn, spec.drawn), *of_sources]))
        return [_shuffled(part, numbers, UNLABELLED_ORDER + k) for k, part in enumerate(parts)]


def _joined(parts: Sequence[Columns]) -> Columns:
    """One part after the other."""
    return Columns(*(np.concatenate(column, axis=1) for column in zip(*parts, strict=True)))


def _shuffled(part: Columns, numbers: RandomNumbers, lane: int) -> Columns:
    """In an order that says nothing of the classes."""
    order = numbers.uniform(lane, part.rows.shape[1]).argsort(axis=1)
    return Columns(*(np.take_along_axis(x, order, axis=1) for x in part))
