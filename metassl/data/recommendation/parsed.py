"""What the files of a data set of ratings say, and how the store keeps it.

Legend: n ratings, P users (people), I items.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metassl.data.pool import Contents

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Parsed:
    """Ratings, and what is known of their items and users.

    Attributes:
        user, item, value: [n] each, sorted by user, then by item.
        users, items: names, P and I.
        genres: their names; `of_genre` has for each item the places of its own.
        years: [I] of release, 0 where it is not known.
        tags: (user, item, word) of each.
        about_users: name of a column -> a number or a word for each user.
    """

    user: Ints
    item: Ints
    value: Floats
    users: Sequence[str]
    items: Sequence[str]
    genres: Sequence[str]
    of_genre: Sequence[Sequence[int]]
    years: Sequence[int]
    tags: Sequence[tuple[int, int, str]] = ()
    about_users: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def contents(self, where: str) -> Contents:
        """For the store: rows [item, value], a user's together; all else as notes."""
        rows = np.stack([self.item, self.value], axis=1).astype(np.float32)
        counts = np.bincount(self.user, minlength=len(self.users))
        notes = {
            "source": where, "items": list(self.items), "genres": list(self.genres),
            "of_genre": [list(each) for each in self.of_genre], "years": list(self.years),
            "tags": [list(each) for each in self.tags],
            "about_users": {name: list(column) for name, column in self.about_users.items()},
        }  # fmt: skip
        return Contents(rows, counts, list(self.users), {}, notes)


def from_contents(contents: Contents) -> Parsed:
    """The same from what the store kept."""
    notes = contents.meta
    rows = np.asarray(contents.items)
    return Parsed(
        user=np.repeat(np.arange(len(contents.counts)), contents.counts),
        item=rows[:, 0].astype(np.int64),
        value=rows[:, 1].astype(np.float64),
        users=contents.class_names,
        items=notes["items"],
        genres=notes["genres"],
        of_genre=notes["of_genre"],
        years=notes["years"],
        tags=[(int(user), int(item), str(word)) for user, item, word in notes["tags"]],
        about_users=notes["about_users"],
    )
