"""Random numbers that belong to an episode: functions of (seed, split, episode) alone, in any order.

By a counter-based generator (Philox, Salmon et al. 2011): an episode's numbers stand at its own place of one
long stream, so those of a run of episodes are drawn in one call.
"""

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator, Philox
from numpy.random.bit_generator import ISeedSequence
from numpy.typing import DTypeLike, NDArray

from metassl.data.pool import SPLITS

EACH = 4  # numbers that Philox makes of one count


class RandomNumbers(Sequence[Generator]):
    """The random numbers of some episodes: in lanes drawn for all at once, or by a generator for each.

    Args:
        seed: of the episodes.
        split: train, val or test.
        episodes: their numbers.
    """

    def __init__(self, seed: int, split: str, episodes: Sequence[int] | NDArray[np.int64]) -> None:
        self.key, self.episodes = _Key(seed, SPLITS.index(split)), episodes
        self._made: dict[int, Generator] = {}
        self._runs = _runs(episodes)

    def __len__(self) -> int:
        """Number of episodes."""
        return len(self.episodes)

    def __getitem__(self, place: int) -> Generator:  # type: ignore[override]
        """The generator of the episode at this place; the same one each time, so it goes on where it was."""
        if not 0 <= place < len(self):
            raise IndexError(place)
        if place not in self._made:
            self._made[place] = self._generator(0, 0, 0, int(self.episodes[place]))
        return self._made[place]

    def generator(self, lane: int, place: int) -> Generator:
        """A generator of a lane (from 1) for the episode at this place, for what comes in no fixed number.

        Of another stream than what `uniform` and the episode's own generator give; made anew each time.
        """
        return self._generator(0, 0, lane, 1 + int(self.episodes[place]))

    def uniform(self, lane: int, count: int) -> NDArray[np.float64]:
        """[episodes, count] numbers in [0, 1) of a lane (from 1): the numbers of one are independent of how
        many another gives, and of what the generators gave."""
        if count == 0:
            return np.empty((len(self), 0))
        blocks = -(-count // EACH)
        parts = [
            self._generator(first * blocks, 0, lane, 0).random((length, blocks * EACH))
            for first, length in self._runs
        ]
        return (parts[0] if len(parts) == 1 else np.concatenate(parts))[:, :count]

    def _generator(self, *counter: int) -> Generator:
        counts = np.array(counter, dtype=np.uint64)
        return Generator(Philox(self.key, counter=counts))  # type: ignore[arg-type]  # any ISeedSequence does


class _Key(ISeedSequence):
    """Philox's key as numpy takes it without asking the system for entropy first, which takes longer."""

    def __init__(self, seed: int, split: int) -> None:
        self.words = np.array((seed, split), dtype=np.uint64)

    def generate_state(self, n_words: int, dtype: DTypeLike = np.uint64) -> NDArray[np.uint64]:
        """The key, whatever is asked for: a Philox asks for these two words."""
        return self.words


def _runs(episodes: Sequence[int] | NDArray[np.int64]) -> list[tuple[int, int]]:
    """(first, length) of each run of consecutive numbers."""
    if isinstance(episodes, range) and episodes.step == 1 and episodes:
        return [(episodes.start, len(episodes))]
    numbers = np.asarray(episodes, dtype=np.int64)
    cuts = np.flatnonzero(np.diff(numbers) != 1) + 1
    return [(int(run[0]), len(run)) for run in np.split(numbers, cuts)]


def pick_distinct(u: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """[T, k] different numbers below `count`, in random order, from u [T, k] in [0, 1).

    The j-th is the r-th of those that are left, r = ⌊u_j (count - j)⌋: every ordered choice is as likely.
    """
    steps = np.arange(u.shape[1])
    chosen = below(u, count - steps)
    for j in range(1, u.shape[1]):
        taken = np.sort(chosen[:, :j], axis=1) - steps[:j]
        chosen[:, j] += (taken <= chosen[:, j, None]).sum(axis=1)
    return chosen


def below(u: NDArray[np.float64], count: int | NDArray[np.int64]) -> NDArray[np.int64]:
    """⌊u·count⌋: whole numbers below `count`, each as likely, from u in [0, 1)."""
    return np.minimum((u * count).astype(np.int64), count - 1)
