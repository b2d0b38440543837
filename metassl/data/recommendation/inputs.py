"""What a row of a task consists of: the item, how it is liked, and the user.

Legend: k rows, P users (people), I items, d numbers of a row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metassl.data.recommendation.parsed import Ints
from metassl.data.recommendation.quality import Quality
from metassl.data.recommendation.ratings import Block, Ratings


@dataclass(frozen=True)
class Inputs:
    """Makes the inputs of a user's tasks.

    Attributes:
        items: [I, a], the same for everybody.
        users: [P, b]; b may be 0.
        quality: of the items, for two more numbers; None: they are left out.
        ratings: of which a user's own are left out of `quality`.
        blocks: widths of what belongs together, in the order of a row.
    """

    items: Block
    users: Block
    quality: Quality | None
    ratings: Ratings
    blocks: Sequence[int]

    @property
    def width(self) -> int:
        """d."""
        return sum(self.blocks)

    def rows(self, user: int, items: Ints) -> Block:
        """[k, d] of these items for a user."""
        parts = [self.items[items]]
        if self.quality is not None:
            parts.append(self._quality(self.quality, user, items))
        parts.append(np.broadcast_to(self.users[user], (len(items), self.users.shape[1])))
        return np.concatenate(parts, axis=1, dtype=np.float32)

    def _quality(self, quality: Quality, user: int, items: Ints) -> Block:
        """Items of a user are in order, so that a search finds each one's own rating, if there is one."""
        first, last = np.searchsorted(self.ratings.user, [user, user + 1])
        rated = self.ratings.item[first:last]
        place = np.minimum(np.searchsorted(rated, items), max(last - first - 1, 0))
        has = rated[place] == items
        own, seen = (np.where(has, each[first:last][place], 0.0) for each in (quality.own, quality.seen))
        return quality.of(items, own, seen).astype(np.float32)


def make_inputs(ratings: Ratings, tags: Block, quality: Quality | None) -> Inputs:
    """Of all that is known; blocks of no number are left out."""
    items = [*ratings.items.values(), tags]
    users = [np.zeros((ratings.user_count, 0), np.float32), *ratings.users.values()]
    blocks = [each.shape[1] for each in items] + ([2] if quality is not None else [])
    blocks += [each.shape[1] for each in users]
    return Inputs(
        np.concatenate(items, axis=1),
        np.concatenate(users, axis=1),
        quality,
        ratings,
        [b for b in blocks if b],
    )
