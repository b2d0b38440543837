"""Ratings joined with what is known of their items and users, checked line by line.

Legend: n ratings, P users, I items.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from metassl.data.recommendation.lines import Lines
from metassl.data.recommendation.parsed import Floats, Parsed

HIGHEST = 5.0


@dataclass(frozen=True)
class Catalogue:
    """The items of a data set.

    Attributes:
        numbers: name -> number of each item.
        genres: their names; `of_genre` has the places of each item's own.
        years: of release, 0 where it is not known.
        where: the file, for messages.
    """

    numbers: Mapping[str, int]
    genres: Sequence[str]
    of_genre: Sequence[Sequence[int]]
    years: Sequence[int]
    where: str


def numbered(lines: Lines, names: Sequence[str], what: str) -> dict[str, int]:
    """Name -> place. Raises DataError where a name comes twice."""
    places = dict[str, int]()
    for (number, _), name in zip(lines, names, strict=True):
        if name in places:
            raise lines.wrong(number, f"found {what} '{name[:30]}' a second time, allowed is each once.")
        places[name] = len(places)
    return places


def joined(
    lines: Lines,
    movies: Catalogue,
    people: Mapping[str, int] | None,
    about: Mapping[str, Sequence[Any]],
    tags: Lines | None,
    lowest: float,
    step: float,
) -> Parsed:
    """The whole of a data set.

    Args:
        lines: of the ratings: user, item, rating, time.
        movies: the items.
        people: user -> number; None: whoever has rated.
        about: columns of the users.
        tags: lines of user, item, word, time; those of users without a rating are left out.
        lowest, step: of the ratings.

    Raises:
        DataError: names the line of a rating that is none, that comes twice, or that is of an item or user
            that the other files lack.
    """
    users = people if people is not None else _by_number({row[0] for row in lines.rows})
    for number, row in lines:
        if row[1] not in movies.numbers:
            raise lines.wrong(number, f"found item '{row[1][:30]}', which {movies.where} lacks.")
        if row[0] not in users:
            raise lines.wrong(number, f"found user '{row[0][:30]}', of whom nothing is known.")
    user = np.array([users[row[0]] for row in lines.rows])
    item = np.array([movies.numbers[row[1]] for row in lines.rows])
    value = _values(lines, lowest, step)
    order = np.lexsort((item, user))
    _refuse_twice(lines, user, item, order)
    active = np.unique(user)  # a file of users may have some without a rating
    new = np.full(len(users), -1)
    new[active] = np.arange(len(active))
    names = list(users)
    return Parsed(
        new[user[order]], item[order], value[order],
        [names[k] for k in active], list(movies.numbers), movies.genres, movies.of_genre, movies.years,
        [] if tags is None else _tags(tags, users, new, movies),
        {name: [column[k] for k in active] for name, column in about.items()},
    )  # fmt: skip


def _by_number(names: set[str]) -> dict[str, int]:
    """Name -> place, in the order of the numbers that they are, or of the alphabet."""
    return {name: k for k, name in enumerate(sorted(names, key=lambda name: (len(name), name)))}


def _values(lines: Lines, lowest: float, step: float) -> Floats:
    allowed = f"allowed are {lowest:g} to {HIGHEST:g} in steps of {step:g}."
    try:
        value = np.array([float(row[2]) for row in lines.rows])
    except ValueError:
        number, row = next((k, row) for k, row in lines if not _is_number(row[2]))
        raise lines.wrong(number, f"found rating '{row[2][:30]}', {allowed}") from None
    steps = value / step
    bad = ~((value >= lowest) & (value <= HIGHEST) & (steps == np.round(steps)))
    if bad.any():
        first = int(np.argmax(bad))
        found = lines.rows[first][2][:30]
        raise lines.wrong(lines.numbers[first], f"found rating '{found}', {allowed}")
    return value


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _refuse_twice(lines: Lines, user: np.ndarray, item: np.ndarray, order: np.ndarray) -> None:
    same = (np.diff(user[order]) == 0) & (np.diff(item[order]) == 0)
    if same.any():
        at = int(np.argmax(same))
        first, second = sorted((int(order[at]), int(order[at + 1])))
        row = lines.rows[second]
        raise lines.wrong(
            lines.numbers[second],
            f"found a second rating of item '{row[1][:30]}' by user '{row[0][:30]}' (the first is in line "
            f"{lines.numbers[first]}), allowed is one.",
        )


def _tags(
    tags: Lines, users: Mapping[str, int], new: np.ndarray, movies: Catalogue
) -> list[tuple[int, int, str]]:
    found = []
    for number, (user, item, word, _) in tags:
        if item not in movies.numbers:
            raise tags.wrong(number, f"found item '{item[:30]}', which {movies.where} lacks.")
        if user in users and new[users[user]] >= 0:
            found.append((int(new[users[user]]), movies.numbers[item], word.strip().lower()))
    return found
