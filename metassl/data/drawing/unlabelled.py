"""Which images make up U, and the second set of it that an outer loss may ask for.

Legend: T episodes, N way, H distractor classes, U unlabelled images, M of each class.
"""

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator

from metassl.data.pool import Pool
from metassl.data.spec import EpisodeSpec

Labelled = tuple[np.ndarray, np.ndarray, np.ndarray]  # rows, labels or -1, weight, each [T, U]


class ClassAware:
    """M images of each class of the task and of each distractor class.

    Args:
        spec: the make-up of an episode.
        sets: 1, or 2 with the outer loss's own.
    """

    def __init__(self, spec: EpisodeSpec, sets: int) -> None:
        self.sets = sets
        self.slot, self.rank, self.count = unlabelled_places(spec).T
        in_task = self.slot < spec.way.high
        self.label = np.where(in_task, self.slot, -1)

    def __call__(self, free: np.ndarray, present: np.ndarray) -> list[Labelled]:
        """Of free [T, N + H, ...] rows, those of each class in random order, and present [T, N + H]."""
        label = np.broadcast_to(self.label, (len(free), len(self.label)))
        weight = present[:, self.slot]
        return [(free[:, self.slot, self.rank + k * self.count], label, weight) for k in range(self.sets)]


class ClassAgnostic:
    """As many, of all free images of the split; images of the task's classes keep their label.

    Args:
        pool: the classes of the split.
        free: [C, I] bool, the images of each class that may be in U.
        spec: the make-up of an episode.
        sets: 1, or 2 with the outer loss's own.
    """

    def __init__(self, pool: Pool, free: np.ndarray, spec: EpisodeSpec, sets: int) -> None:
        self.sets, self.size = sets, len(unlabelled_places(spec)) * sets
        self.owner, image = np.nonzero(free)
        self.rows = pool.starts[self.owner] + image

    def __call__(
        self,
        chosen: np.ndarray,
        present: np.ndarray,
        taken: np.ndarray,
        generators: Sequence[Generator],
    ) -> list[Labelled]:
        """Picked by each episode's own generator, without the rows `taken` [T, S + Q].

        chosen [T, N + H] are the classes, present [T, N] which of the first N the task has.
        """
        most = min(self.size + taken.shape[1], len(self.rows))
        rows, labels = [], []
        for t, generator in enumerate(generators):
            pick = generator.choice(len(self.rows), most, replace=False)
            pick = pick[~np.isin(self.rows[pick], taken[t])][: self.size]
            n = int(present[t].sum())
            match = self.owner[pick][:, None] == chosen[t, :n]
            rows.append(self.rows[pick])
            labels.append(np.where(match.any(1), match.argmax(1), -1))
        weight = np.ones((len(rows), self.size), bool)
        pieces = zip(*(np.split(np.stack(a), self.sets, axis=1) for a in (rows, labels)), strict=True)
        return [(r, y, weight[:, : r.shape[1]]) for r, y in pieces]


def unlabelled_places(spec: EpisodeSpec) -> np.ndarray:
    """[U, 3]: class place, rank among the free images of the class, images of the class in U."""
    if spec.transductive:
        return np.zeros((0, 3), dtype=np.int64)
    counts = spec.unlabelled_counts() + [spec.distractor_unlabelled] * spec.distractors
    places = [(slot, rank, count) for slot, count in enumerate(counts) for rank in range(count)]
    return np.array(places, dtype=np.int64).reshape(-1, 3)
