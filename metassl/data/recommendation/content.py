"""What is known of items and users, from words to numbers.

Legend: P users, I items.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from metassl.data.recommendation.parsed import Parsed
from metassl.data.recommendation.ratings import Block, Ratings

ERA = (1980, 20)  # years are told from the first in units of the second


def as_numbers(parsed: Parsed) -> Ratings:
    """All that is known as numbers.

    Genres are marks of 0 and 1, and the year is (year - 1980)/20 beside a mark for a missing one. Of users,
    words are a mark for each word, and numbers go by mean and deviation of all users.
    """
    years = np.asarray(parsed.years, np.int64)
    known = years > 0
    year = np.where(known, (years - ERA[0]) / ERA[1], 0.0)
    items = {"genres": marks(parsed.of_genre, len(parsed.genres)), "year": _block([year, ~known])}
    users = {name: _about(column) for name, column in parsed.about_users.items()}
    return Ratings(parsed.user, parsed.item, parsed.value, items, users, years, parsed.tags)


def marks(places: Sequence[Sequence[int]], width: int) -> Block:
    """[n, width] 1 at the places of each row."""
    made = np.zeros((len(places), width), np.float32)
    for row, own in zip(made, places, strict=True):
        row[list(own)] = 1
    return made


def frequent_tags(ratings: Ratings, count: int, users: np.ndarray) -> Block:
    """[I, count or fewer] marks of the tags that most of these users have given to most items."""
    allowed = set(users.tolist())
    pairs = {(item, word) for user, item, word in ratings.tags if user in allowed}
    words, often = np.unique([word for _, word in pairs] or [""], return_counts=True)
    chosen = [str(word) for word in words[np.lexsort((words, -often))][:count]] if pairs else []
    place = {word: k for k, word in enumerate(chosen)}
    found: list[list[int]] = [[] for _ in range(ratings.item_count)]
    for item, word in sorted(pairs):
        if word in place:
            found[item].append(place[word])
    return marks(found, len(chosen))


def _about(column: Sequence[Any]) -> Block:
    if all(isinstance(value, int | float) for value in column):
        numbers = np.asarray(column, np.float64)
        return _block([(numbers - numbers.mean()) / max(numbers.std(), 1e-6)])
    words = sorted({str(value) for value in column})
    return marks([[words.index(str(value))] for value in column], len(words))


def _block(columns: Sequence[np.ndarray]) -> Block:
    return np.stack(columns, axis=1).astype(np.float32)
