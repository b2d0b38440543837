"""Ratings and what is known of items and users, as numbers: what the tasks of any source are made of.

Legend: n ratings, P users (people), I items.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metassl.data.recommendation.parsed import Floats, Ints

Block = NDArray[np.float32]


@dataclass(frozen=True)
class Ratings:
    """A data set of ratings.

    Attributes:
        user, item, value: [n] each, sorted by user, then by item.
        items: name of a block -> [I, d] what is known of each item, the same for everybody.
        users: name of a block -> [P, d] what is known of each user.
        years: [I] of release, 0 where it is not known.
        tags: (user, item, word) of each tag.
    """

    user: Ints
    item: Ints
    value: Floats
    items: Mapping[str, Block]
    users: Mapping[str, Block]
    years: Ints
    tags: Sequence[tuple[int, int, str]] = ()

    @property
    def user_count(self) -> int:
        """P."""
        return int(self.user[-1]) + 1

    @property
    def item_count(self) -> int:
        """I."""
        return len(self.years)
