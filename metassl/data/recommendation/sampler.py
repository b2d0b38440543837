"""Which items of which user make up episode i: a pure function of (seed, split, i).

Legend: T episodes, S support, Q query, U unlabelled, d numbers of an input.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from metassl.data.drawing.draw import Draw
from metassl.data.drawing.random_numbers import RandomNumbers
from metassl.data.recommendation.division import Bools
from metassl.data.recommendation.inputs import Inputs
from metassl.data.recommendation.labels import Labels
from metassl.data.recommendation.parsed import Floats, Ints
from metassl.data.recommendation.pools import UserPool
from metassl.data.recommendation.spec import UserSpec

# Each thing that is random has a lane of its own, so that S and Q stay when U changes, and Q when S does.
ROUND, SIZES, QUERY, SUPPORT, UNLABELLED = range(1, 6)


class UserSampler:
    """Draws users, each once before any comes twice, and of each some rated and some unrated items.

    Args:
        pools: what may be drawn of each user.
        inputs: make rows of items.
        value: [n] the ratings.
        labels: make labels of ratings.
        catalogue: [I] the items that U may be of.
        spec: the make-up of an episode.
        seed: of the episodes.
        split: train, val or test.
        outer: whether each episode needs a second set of unrated items.
    """

    def __init__(
        self, pools: Sequence[UserPool], inputs: Inputs, value: Floats, labels: Labels, catalogue: Bools,
        spec: UserSpec, seed: int, split: str, outer: bool,
    ) -> None:  # fmt: skip
        self.pools, self.inputs, self.value, self.labels = pools, inputs, value, labels
        self.catalogue, self.spec, self.kinds = catalogue, spec, labels.kinds(value)
        self.seed, self.split, self.sets = seed, split, 2 if outer else 1

    @property
    def padded(self) -> bool:
        """Whether the number of rated items varies, or there may be too few unrated ones."""
        most = max(np.bincount(self.inputs.ratings.user))
        return not self.spec.shot.fixed or self.catalogue.sum() - most < self.sets * self.spec.unlabelled

    @property
    def count(self) -> int:
        """0: each draw brings its own items."""
        return 0

    def __call__(self, episodes: Sequence[int] | range) -> Draw:
        """The draw of the episodes with these numbers; rows are of its own items, episode after episode."""
        spec, numbers = self.spec, RandomNumbers(self.seed, self.split, episodes)
        shot = spec.shot.within(numbers.uniform(SIZES, 0 if spec.shot.fixed else 1))
        pools, supports, queries = self.rated(episodes)
        free = [self._unrated(pool.user, numbers, place) for place, pool in enumerate(pools)]
        item = self.inputs.ratings.item
        unrated = np.stack([own for own, _ in free]).reshape(len(pools), self.sets, -1)
        unknown = self.labels.unknown
        there = np.stack([has for _, has in free]).reshape(unrated.shape)
        sets = [(item[queries], self.labels(self.value[queries]), np.ones(queries.shape, bool))]
        if not spec.transductive:
            sets = [(unrated[:, k], unknown(unrated[:, k].shape), there[:, k]) for k in range(self.sets)]
        none = np.zeros((len(pools), 0), np.int64)
        parts = [
            (item[supports], self.labels(self.value[supports]), np.arange(spec.shot.high) < shot[:, None]),
            (item[queries], self.labels(self.value[queries]), np.ones(queries.shape, bool)),
            sets[0],
            sets[-1] if self.sets == 2 else (none, unknown(none.shape), none.astype(bool)),
        ]
        return self._draw(pools, parts, numbers)

    def rated(self, episodes: Sequence[int] | range) -> tuple[list[UserPool], Ints, Ints]:
        """The users of these episodes, and [T, S], [T, Q] rows of the ratings; S as many as it may have."""
        numbers = RandomNumbers(self.seed, self.split, episodes)
        pools = [self.pools[k] for k in self._users(episodes)]
        drawn = [self._rated(pool, numbers, place) for place, pool in enumerate(pools)]
        queries, supports = (np.stack(each) for each in zip(*drawn, strict=True))
        return pools, supports, queries

    def _draw(
        self, pools: Sequence[UserPool], parts: Sequence[tuple[Ints, NDArray[np.generic], Bools]],
        numbers: RandomNumbers,
    ) -> Draw:  # fmt: skip
        items = np.concatenate([part[0] for part in parts], axis=1)
        rows = np.arange(items.size).reshape(items.shape)
        places = np.split(rows, np.cumsum([part[0].shape[1] for part in parts])[:-1], axis=1)
        columns = [(row, part[1], part[2]) for row, part in zip(places, parts, strict=True)]
        shape = (len(pools), self.labels.outputs)
        inputs = [self.inputs.rows(pool.user, own) for pool, own in zip(pools, items, strict=True)]
        return Draw(
            *columns[0], *columns[1], *columns[2], *columns[3],
            # what a user would say of an unrated item is not known, so no label of it is judged
            distractor=np.full(places[2].shape, not self.spec.transductive),
            class_mask=np.ones(shape, bool),
            class_ids=np.broadcast_to(np.arange(shape[1]), shape).copy(),
            classes=np.broadcast_to(np.arange(shape[1]), shape).copy(),
            generators=numbers,
            items=np.concatenate(inputs),
            family=np.array([pool.user for pool in pools]),
        )  # fmt: skip

    def _users(self, episodes: Sequence[int] | range) -> list[int]:
        """Places of the users: each round of so many episodes is an order of all of them."""
        count = len(self.pools)
        rounds, places = np.divmod(np.asarray(episodes, np.int64), count)
        orders = {
            k: RandomNumbers(self.seed, self.split, [k]).generator(ROUND, 0).permutation(count)
            for k in np.unique(rounds).tolist()
        }
        return [int(orders[k][place]) for k, place in zip(rounds.tolist(), places.tolist(), strict=True)]

    def _rated(self, pool: UserPool, numbers: RandomNumbers, place: int) -> tuple[Ints, Ints]:
        """Rows of Q, and of S, as many as it may have; what comes first in S has one of each kind."""
        query = numbers.generator(QUERY, place).permutation(pool.query)[: self.spec.queries]
        order = numbers.generator(SUPPORT, place).permutation(pool.support)
        order = order[~np.isin(order, query)]
        firsts = np.sort(np.unique(self.kinds[order], return_index=True)[1])
        return query, np.concatenate([order[firsts], np.delete(order, firsts)])[: self.spec.shot.high]

    def _unrated(self, user: int, numbers: RandomNumbers, place: int) -> tuple[Ints, Bools]:
        """[sets · U] items, and which are there; the sets share none."""
        size = 0 if self.spec.transductive else self.sets * self.spec.unlabelled
        first, last = np.searchsorted(self.inputs.ratings.user, [user, user + 1])
        may = self.catalogue.copy()
        may[self.inputs.ratings.item[first:last]] = False
        free = np.flatnonzero(may)
        found = numbers.generator(UNLABELLED, place).permutation(free)[:size]
        made, there = np.zeros(size, np.int64), np.arange(size) < len(found)
        made[: len(found)] = found
        return made, there
