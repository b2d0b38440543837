"""Random numbers that belong to an episode: functions of (seed, split, episode) alone, in any order.

By a counter-based generator (Philox, Salmon et al. 2011): an episode's numbers stand at its own place of one
long stream, so those of a run of episodes are drawn in one call.
"""

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator, Philox
from numpy.typing import NDArray

from metassl.data.pool import SPLITS

EACH = 4  # numbers that Philox makes of one count


class Streams(Sequence[Generator]):
    """A generator for each of some episodes, made when first asked for.

    Args:
        seed: of the episodes.
        split: train, val or test.
        episodes: their numbers.
    """

    def __init__(self, seed: int, split: str, episodes: Sequence[int] | NDArray[np.int64]) -> None:
        self.key, self.episodes = [seed, SPLITS.index(split)], episodes
        self._made: dict[int, Generator] = {}

    def __len__(self) -> int:
        """Number of episodes."""
        return len(self.episodes)

    def __getitem__(self, place: int) -> Generator:  # type: ignore[override]
        """The generator of the episode at this place; the same one each time, so it goes on where it was."""
        if not 0 <= place < len(self):
            raise IndexError(place)
        if place not in self._made:
            self._made[place] = Generator(Philox(key=self.key, counter=[0, 0, 0, int(self.episodes[place])]))
        return self._made[place]

    def uniform(self, lane: int, count: int) -> NDArray[np.float64]:
        """[episodes, count] numbers in [0, 1) of a lane (from 1): the numbers of one are independent of how
        many another gives, and of what the generators gave."""
        numbers = np.asarray(self.episodes, dtype=np.int64)
        blocks = -(-count // EACH)
        cuts = np.flatnonzero(np.diff(numbers) != 1) + 1
        parts = [self._run(lane, int(run[0]), len(run), blocks) for run in np.split(numbers, cuts)]
        return np.concatenate(parts)[:, :count]

    def _run(self, lane: int, first: int, episodes: int, blocks: int) -> NDArray[np.float64]:
        generator = Generator(Philox(key=self.key, counter=[first * blocks, 0, lane, 0]))
        return generator.random((episodes, blocks * EACH))


def pick_distinct(u: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """[T, k] different numbers below `count`, in random order, from u [T, k] in [0, 1).

    The j-th is the r-th of those that are left, r = ⌊u_j (count - j)⌋: every ordered choice is as likely.
    """
    chosen = np.zeros(u.shape, dtype=np.int64)
    for j in range(u.shape[1]):
        rank = below(u[:, j], count - j)
        taken = np.sort(chosen[:, :j], axis=1) - np.arange(j)
        chosen[:, j] = rank + (taken <= rank[:, None]).sum(axis=1)
    return chosen


def below(u: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """⌊u·count⌋: whole numbers below `count`, each as likely, from u in [0, 1)."""
    return np.minimum((u * count).astype(np.int64), count - 1)
