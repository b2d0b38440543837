"""Which levels of an attribute belong to which split, and how they are drawn.

Legend: T tasks, n pictures, L levels of a split.
"""

from dataclasses import dataclass

import numpy as np

from metassl.data.drawing.random_numbers import pick_distinct


@dataclass(frozen=True)
class Levels:
    """What one attribute can be in a split: its levels, or the letters.

    Attributes:
        name: of the attribute.
        ids: [L] number of each level within the attribute.
        first: number of the attribute's level 0 among the levels of all attributes.
        lane: of its random numbers; it has LANES of them from there.
    """

    name: str
    ids: np.ndarray
    first: int
    lane: int

    def __len__(self) -> int:
        """L."""
        return len(self.ids)


def of_split(count: int, split: str) -> np.ndarray:
    """The levels of a split: odd ones for test, seven of twelve even ones for training, five for validation.

    So a level of one split lies between two of others.
    """
    if split == "test":
        return np.arange(1, count, 2)
    even = np.arange(0, count, 2)
    held_out = 5 * np.arange(len(even)) % 12 < 5
    return even[held_out if split == "val" else ~held_out]


def without_replacement(u: np.ndarray, count: int) -> np.ndarray:
    """[T, n] numbers below `count` from u [T, n]: none comes again before all have come."""
    rounds = range(0, u.shape[1], count)
    return np.concatenate([pick_distinct(u[:, start : start + count], count) for start in rounds], axis=1)
