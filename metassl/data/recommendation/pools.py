"""Which ratings of a user may be support and which queries.

Legend: n ratings, I items.
"""

from dataclasses import dataclass

import numpy as np

from metassl.data.recommendation.division import Bools, Division
from metassl.data.recommendation.parsed import Ints
from metassl.data.recommendation.ratings import Ratings
from metassl.data.recommendation.spec import UserSpec


@dataclass(frozen=True)
class UserPool:
    """One user's ratings by what they may be in a task.

    Attributes:
        user: the number.
        support, query: rows of the ratings, which may overlap.
    """

    user: int
    support: Ints
    query: Ints

    def enough(self, shot: int, queries: int, kinds: Ints) -> bool:
        """Whether so many of both can be drawn, whatever is drawn first.

        Where ratings are of several kinds [n], there have to be some of each that can't all become queries.
        """
        shared = len(np.intersect1d(self.support, self.query))
        if len(self.query) < queries or len(self.support) - min(shared, queries) < shot:
            return False
        return bool(np.isin(np.unique(kinds), kinds[self.support]).all())


def pools_of(ratings: Ratings, division: Division, spec: UserSpec, split: str) -> list[UserPool]:
    """Of all users of a split, also those who have too few ratings."""
    new = division.new[ratings.item]
    asked = {"known": ~new, "new": new, "both": np.ones_like(new)}[spec.items]
    if spec.users is None:
        return _pools(ratings, division.users["train"], division.seen, division.seen)
    if spec.users == "new":
        return _pools(ratings, division.users[split], ~new, asked)
    # validation and test ask different ones of the known users, and both no rating that training has seen
    own = division.users["train"][("val", "test").index(split) :: 2]
    return _pools(ratings, own, division.seen, asked & ~division.seen)


def _pools(ratings: Ratings, users: Ints, support: Bools, query: Bools) -> list[UserPool]:
    first, last = (np.searchsorted(ratings.user, users + k) for k in (0, 1))
    return [
        UserPool(int(user), *(a + np.flatnonzero(each[a:b]) for each in (support, query)))
        for user, a, b in zip(users, first, last, strict=True)
    ]
