"""MovieLens as it is published: latest-small, 100K and 1M.

Source: Harper & Konstan 2015; the README of each zip says what its columns are.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from metassl.data.recommendation.joining import Catalogue, joined, numbered
from metassl.data.recommendation.lines import Layout, Lines, read_lines
from metassl.data.recommendation.parsed import Parsed
from metassl.data.recommendation.places import Place
from metassl.errors import DataError

YEAR = re.compile(r"\((\d{4})\)\s*$")
NONE = "(no genres listed)"
GENRES_100K = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama",
    "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip


@dataclass(frozen=True)
class Edition:
    """One of the published sets.

    Attributes:
        ratings, movies: how these files are written.
        users, tags: the same; None: there is no such file.
        lowest, step: of the ratings, which go up to 5.
        flags: whether the genres are a column of 0 or 1 each, in the order of GENRES_100K; else words with
            a | between.
        about: columns of the users' file: name, place, and whether it is a number.
    """

    ratings: Layout
    movies: Layout
    users: Layout | None
    tags: Layout | None
    lowest: float
    step: float
    flags: bool = False
    about: Sequence[tuple[str, int, bool]] = ()

    @property
    def files(self) -> list[str]:
        """That have to be there."""
        return [each.name for each in (self.ratings, self.movies, self.users) if each is not None]

    def present(self, place: Place) -> list[str]:
        """Files that are read there: those that have to be, and tags where there are some."""
        tags = set() if self.tags is None else {self.tags.name} & place.names()
        return [*self.files, *tags]

    def read(self, place: Place) -> Parsed:
        """What the files say. Raises DataError that names file and line."""
        names = self.present(place)
        content = place.read(names)

        def lines(layout: Layout) -> Lines:
            return read_lines(place.file(layout.name), content[layout.name], layout)

        movies = self._catalogue(lines(self.movies))
        about, people = self._about(lines(self.users)) if self.users is not None else ({}, None)
        tags = lines(self.tags) if self.tags is not None and self.tags.name in names else None
        return joined(lines(self.ratings), movies, people, about, tags, self.lowest, self.step)

    def _catalogue(self, lines: Lines) -> Catalogue:
        of_genre = [self._genres(lines, number, row) for number, row in lines]
        names = GENRES_100K if self.flags else sorted({name for each in of_genre for name in each})
        place = {name: k for k, name in enumerate(names)}
        years = [_year(row[2] if self.flags else "", row[1]) for row in lines.rows]
        return Catalogue(
            numbered(lines, [row[0] for row in lines.rows], "item"), list(names),
            [[place[name] for name in each] for each in of_genre], years, lines.where,
        )  # fmt: skip

    def _genres(self, lines: Lines, number: int, row: Sequence[str]) -> list[str]:
        if not self.flags:
            return [name for name in row[2].split("|") if name and name != NONE]
        marks = row[5:]
        if not set(marks) <= {"0", "1"}:
            odd = next(mark for mark in marks if mark not in ("0", "1"))
            raise lines.wrong(number, f"found '{odd}' as a mark of a genre, allowed are 0 and 1.")
        return [name for name, mark in zip(GENRES_100K, marks, strict=True) if mark == "1"]

    def _about(self, lines: Lines) -> tuple[Mapping[str, Sequence[float | str]], Mapping[str, int]]:
        found: dict[str, list[float | str]] = {}
        for name, place, number in self.about:
            found[name] = [_number(lines, k, row[place]) if number else row[place] for k, row in lines]
        return found, numbered(lines, [row[0] for row in lines.rows], "user")


def _year(date: str, title: str) -> int:
    """Of release by a date that ends in it, else by the title, 0 where neither says it."""
    if re.fullmatch(r".*\d{4}", date):
        return int(date[-4:])
    found = YEAR.search(title)
    return int(found[1]) if found else 0


def _number(lines: Lines, number: int, word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise lines.wrong(number, f"found '{word[:30]}', allowed is a number.") from None


EDITIONS: Mapping[str, Edition] = MappingProxyType({
    "latest_small": Edition(
        Layout("ratings.csv", ",", 4, ("userId", "movieId", "rating", "timestamp")),
        Layout("movies.csv", ",", 3, ("movieId", "title", "genres")),
        None,
        Layout("tags.csv", ",", 4, ("userId", "movieId", "tag", "timestamp")),
        lowest=0.5, step=0.5,
    ),
    "100k": Edition(
        Layout("u.data", "\t", 4, encoding="latin-1"),
        Layout("u.item", "|", 24, encoding="latin-1"),
        Layout("u.user", "|", 5, encoding="latin-1"),
        None,
        lowest=1, step=1, flags=True,
        about=(("age", 1, True), ("gender", 2, False), ("occupation", 3, False)),
    ),
    "1m": Edition(
        Layout("ratings.dat", "::", 4, encoding="latin-1"),
        Layout("movies.dat", "::", 3, encoding="latin-1"),
        Layout("users.dat", "::", 5, encoding="latin-1"),
        None,
        lowest=1, step=1,
        about=(("gender", 1, False), ("age", 2, False), ("occupation", 3, False)),
    ),
})  # fmt: skip


def edition_of(places: Sequence[Place], named: str | None, path: str) -> tuple[str, Place]:
    """Which edition is there, and where.

    Raises:
        DataError: none is there, or files are missing, or there are several and none was named.
    """
    found, near = list[tuple[str, Place]](), list[str]()
    for place in places:
        names = place.names()
        for name, edition in EDITIONS.items():
            lacking = [file for file in edition.files if file not in names]
            if named not in (None, name):
                continue
            if not lacking:
                found.append((name, place))
            elif len(lacking) < len(edition.files):
                near.append(f"'{place.path}' lacks {' and '.join(lacking)} of {name}")
    if not found:
        wanted = named or ", ".join(EDITIONS)
        hint = (
            f"{near[0]}"
            if near
            else "; ".join(f"{n}: {' '.join(EDITIONS[n].files)}" for n in EDITIONS if named in (None, n))
        )
        raise DataError(f"dataset.source.path: found no MovieLens ({wanted}) in '{path}': {hint}.")
    kinds = sorted({name for name, _ in found})
    if len(kinds) > 1:
        raise DataError(
            f"dataset.source.edition: found {', '.join(kinds)} in '{path}', say which of them is meant."
        )
    return found[0]
