"""Which class each picture of an episode belongs to, and the how-many-th of that class it is.

Legend: T tasks, N way, H distractor classes, S support, Q query, U unlabelled.
"""

from dataclasses import dataclass

import numpy as np

from metassl.data.drawing.dirichlet import SharedByDirichlet
from metassl.data.drawing.random_numbers import RandomNumbers
from metassl.data.drawing.unlabelled import ClassAware, Labelled, unlabelled_places
from metassl.data.spec import EpisodeSpec

SIZES, QUERY_ORDER, UNLABELLED_ORDER, PROPORTIONS = range(1, 5)  # lanes


@dataclass(frozen=True)
class Part:
    """S, Q, U or the outer loss's own U of T tasks.

    Attributes:
        slot: [T, n] class, 0..N-1, or N..N+H-1 for a distractor's.
        rank: [T, n] the how-many-th picture of its class in the task, from 0.
        label: [T, n] the slot, -1 for distractors.
        weight: [T, n] bool, False for padding.
    """

    slot: np.ndarray
    rank: np.ndarray
    label: np.ndarray
    weight: np.ndarray


class Places:
    """Lays episodes out, before it is known what is to be seen in them.

    Args:
        spec: the make-up of an episode.
        sets: 1, or 2 with the outer loss's own U.
    """

    def __init__(self, spec: EpisodeSpec, sets: int) -> None:
        self.spec, self.sets = spec, sets
        self.free = sets * spec.most_unlabelled  # ranks of a class that U may take
        self.size = len(unlabelled_places(spec))
        counts = np.full(spec.way.high + spec.distractors, self.free)
        by_chance = spec.dirichlet is not None
        self._by_chance = SharedByDirichlet(spec, sets, counts) if by_chance else None
        self._aware = ClassAware(spec, sets)

    def sizes(self, numbers: RandomNumbers) -> tuple[np.ndarray, np.ndarray]:
        """[T] ways and [T] shots."""
        u = numbers.uniform(SIZES, 2 if self.spec.padded else 0)
        return self.spec.way.within(u[:, :1]), self.spec.shot.within(u[:, 1:])

    def support(self, present: np.ndarray, shot: np.ndarray) -> Part:
        """Class after class, the classes present [T, N] of shot [T]."""
        tasks, n, each = len(shot), self.spec.way.high, self.spec.shot.high
        slot, rank = (_repeated(a, tasks) for a in (np.arange(n).repeat(each), np.tile(np.arange(each), n)))
        return Part(
            slot, rank, slot, present[:, :, None].repeat(each, 2).reshape(tasks, -1) & (rank < shot[:, None])
        )

    def query(self, present: np.ndarray, numbers: RandomNumbers) -> Part:
        """In random order."""
        each = self.spec.queries
        order = numbers.uniform(QUERY_ORDER, self.spec.way.high * each).argsort(axis=1)
        slot = order // each
        weight = np.take_along_axis(present, slot, 1)
        return Part(slot, self.spec.shot.high + order % each, slot, weight)

    def unlabelled(self, present: np.ndarray, numbers: RandomNumbers) -> list[Part]:
        """U and the outer set, in random order; none is [T, 0]."""
        spec, tasks, n = self.spec, len(present), self.spec.way.high
        none = _repeated(np.zeros(0, np.int64), tasks)
        empty = Part(none, none, none, none.astype(bool))
        if not self.size:
            return [empty, empty]
        classes = n + spec.distractors
        code = _repeated(np.arange(classes * self.free), tasks).reshape(tasks, classes, self.free)
        u = numbers.uniform(UNLABELLED_ORDER, 2 * self.size).reshape(tasks, 2, self.size)
        order = u[:, : self.sets].argsort(axis=2)
        sets = [self._part(part, order[:, k]) for k, part in enumerate(self._coded(code, present, numbers))]
        return [*sets, *([empty] * (2 - len(sets)))]

    def _coded(self, code: np.ndarray, present: np.ndarray, numbers: RandomNumbers) -> list[Labelled]:
        n = present.shape[1]
        if self._by_chance is not None:
            chosen = _repeated(np.arange(code.shape[1]), len(code))
            return self._by_chance(code, chosen, present, numbers.uniform(PROPORTIONS, n))
        away = np.ones((len(code), code.shape[1] - n), bool)
        return self._aware(code, np.concatenate((present, away), axis=1))

    def _part(self, coded: Labelled, order: np.ndarray) -> Part:
        """A distractor's pictures are counted from 0, those of a class of the task after S and Q."""
        code, label, weight = (np.take_along_axis(a, order, 1) for a in coded)
        taken = self.spec.shot.high + self.spec.queries
        slot, rank = np.divmod(code, self.free)
        return Part(slot, rank + taken * (slot < self.spec.way.high), label, weight)


def _repeated(a: np.ndarray, tasks: int) -> np.ndarray:
    return np.broadcast_to(a, (tasks, *a.shape))
