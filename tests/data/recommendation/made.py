"""Small MovieLens sets in the forms of the published files."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from metassl.data import store
from metassl.data.recommendation.movielens import MovieLens
from metassl.data.recommendation.tasks import RatingTasks

USERS, ITEMS = 40, 60
GENRES = ("Comedy", "Drama", "Horror")


def triples(step: float = 1.0, seed: int = 0) -> list[tuple[int, int, float]]:
    """(user, item, rating), from 1: each user has rated 20 to 40 items."""
    rng = np.random.default_rng(seed)
    found = []
    for user in range(USERS):
        for item in np.sort(rng.permutation(ITEMS)[: rng.integers(20, 41)]):
            found.append((user + 1, int(item) + 1, step * int(rng.integers(1, int(5 / step) + 1))))
    return found


def latest(**changes: list[str]) -> dict[str, bytes]:
    """The files of latest-small; a change is the lines of a file without its ending."""
    lines = {
        "ratings": ["userId,movieId,rating,timestamp", *(f"{u},{i},{r},9" for u, i, r in triples(0.5))],
        "movies": ["movieId,title,genres", *(_movie(i) for i in range(1, ITEMS + 1))],
        "tags": ["userId,movieId,tag,timestamp", "1,1,slow,9", "2,1,Slow,9", "3,2,odd,9", "1,3,slow,9"],
    }
    return {f"{name}.csv": "\n".join(own).encode() for name, own in {**lines, **changes}.items()}


def hundred_k() -> dict[str, bytes]:
    """The files of 100K."""
    items = [
        f"{i}|Café {i} (19{50 + i % 45})|01-Jan-{1950 + i % 45}||http://x|" + "|".join(_flags(i))
        for i in range(1, ITEMS + 1)
    ]
    users = [
        f"{u}|{20 + u}|{'MF'[u % 2]}|{('artist', 'writer', 'other')[u % 3]}|0" for u in range(1, USERS + 1)
    ]
    ratings = [f"{u}\t{i}\t{int(r)}\t9" for u, i, r in triples()]
    named = {"u.data": ratings, "u.item": items, "u.user": users}
    return {name: "\n".join(lines).encode("latin-1") for name, lines in named.items()}


def one_m() -> dict[str, bytes]:
    """The files of 1M."""
    items = [f"{i}::Café {i} ({1950 + i % 45})::{'|'.join(_genres(i))}" for i in range(1, ITEMS + 1)]
    users = [f"{u}::{'MF'[u % 2]}::{(1, 25, 56)[u % 3]}::{u % 4}::0" for u in range(1, USERS + 1)]
    ratings = [f"{u}::{i}::{int(r)}::9" for u, i, r in triples()]
    named = {"ratings.dat": ratings, "movies.dat": items, "users.dat": users}
    return {name: "\n".join(lines).encode("latin-1") for name, lines in named.items()}


def zipped(files: Mapping[str, bytes], path: Path, folder: str = "ml") -> Path:
    """The files within a folder of a zip."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"{folder}/{name}", content)
    return path


def unpacked(files: Mapping[str, bytes], folder: Path) -> Path:
    """The files in a folder."""
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def tasks(path: Path, cache: Path, **options: object) -> RatingTasks:
    """Of these files."""
    source = MovieLens("nowhere", path, **options)
    found = source.prepared(lambda files: store.load(files, cache, progress=False))
    assert isinstance(found, RatingTasks)
    return found


def _movie(i: int) -> str:
    title = f'"Film, The {i} ({1950 + i % 45})"' if i % 7 else f"Film {i}"
    return f"{i},{title},{'|'.join(_genres(i)) if i % 5 else '(no genres listed)'}"


def _genres(i: int) -> list[str]:
    return [name for k, name in enumerate(GENRES) if i % (k + 2) == 0] or [GENRES[1]]


def _flags(i: int) -> list[str]:
    return [str(int(k == i % 19 or k == (2 * i) % 19)) for k in range(19)]
