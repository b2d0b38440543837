"""What is of no class at all, mixed into U: distractors that nobody had to leave out of a task.

Legend: T episodes, U unlabelled, F of them out of scope.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from metassl.data.drawing.draw import Draw
from metassl.data.drawing.random_numbers import RandomNumbers, pick_distinct
from metassl.errors import ConfigError

PICKS, ORDER = 10, 11  # lanes of their own, after those of EpisodeSampler and MixtureSampler


class Drawing(Protocol):
    """A sampler of episodes of one split."""

    seed: int
    split: str
    sets: int

    @property
    def padded(self) -> bool: ...

    @property
    def count(self) -> int: ...

    def __call__(self, episodes: Sequence[int] | range) -> Draw: ...


class OutOfScope:
    """Adds rows of no class to the unlabelled ones of another sampler's episodes; S and Q stay what they are.

    Args:
        sampler: of episodes of classes.
        rows: of the split, those of no class.
        count: F, how many of them each set of U gets; the second set gets others.

    Raises:
        ConfigError: the split has too few of them.
    """

    def __init__(self, sampler: Drawing, rows: np.ndarray, count: int) -> None:
        self.sampler, self.rows, self.each = sampler, rows, count
        need = sampler.sets * count
        if need > len(rows):
            raise ConfigError(
                f"episode.out_of_scope: needs {need} inputs of no class, split '{sampler.split}' has "
                f"{len(rows)}."
            )

    @property
    def padded(self) -> bool:
        """Whether episodes differ in size."""
        return self.sampler.padded

    @property
    def count(self) -> int:
        """How many different rows it can draw."""
        return self.sampler.count + len(self.rows)

    def __call__(self, episodes: Sequence[int] | range) -> Draw:
        """The draw of the episodes with these numbers."""
        draw = self.sampler(episodes)
        numbers = RandomNumbers(self.sampler.seed, self.sampler.split, episodes)
        picked = self.rows[
            pick_distinct(numbers.uniform(PICKS, self.sampler.sets * self.each), len(self.rows))
        ]
        first, second = picked[:, : self.each], picked[:, self.each :]
        sizes = [draw.unlabelled.shape[1] + first.shape[1], draw.outer.shape[1] + second.shape[1]]
        u = numbers.uniform(ORDER, sum(sizes))
        order, other = u[:, : sizes[0]].argsort(axis=1), u[:, sizes[0] :].argsort(axis=1)
        return replace(
            draw,
            unlabelled=_mixed(draw.unlabelled, first, order),
            unlabelled_y=_mixed(draw.unlabelled_y, -1, order),
            unlabelled_weight=_mixed(draw.unlabelled_weight, True, order),
            distractor=_mixed(draw.distractor, True, order),
            outer=_mixed(draw.outer, second, other),
            outer_y=_mixed(draw.outer_y, -1, other),
            outer_weight=_mixed(draw.outer_weight, True, other),
        )


def _mixed(own: np.ndarray, added: np.ndarray | int, order: np.ndarray) -> np.ndarray:
    """[T, U - F] values and those of the rest, [T, F] or one for all, in an order [T, U]."""
    rest = np.broadcast_to(added, (len(own), order.shape[1] - own.shape[1]))
    both = np.concatenate((own, rest), axis=1).astype(own.dtype)
    return np.take_along_axis(both, order, axis=1)
