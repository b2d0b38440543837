"""What training may see: users, items and ratings that are kept from it.

Legend: n ratings, P users (people), I items.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from metassl.data.class_splits import by_ratio
from metassl.data.pool import SPLITS
from metassl.data.recommendation.parsed import Ints
from metassl.data.recommendation.ratings import Ratings

NewItems = Literal["share", "year"]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Division:
    """Who is new, what is new, and which ratings of known users are held out.

    Attributes:
        users: split -> its users.
        new: [I] items of which training sees no rating.
        seen: [n] ratings that training sees: by users of the training split, of known items, not held out.
    """

    users: Mapping[str, Ints]
    new: Bools
    seen: Bools


def divide(
    ratings: Ratings, ratio: Sequence[float], seed: int, fold: int, new_items: NewItems, new_share: float,
    held_out: float,
) -> Division:  # fmt: skip
    """By chance, the same for the same seed.

    Args:
        ratings: all of them.
        ratio: shares of the users for training, validation and test.
        seed: of all that is drawn here.
        fold: turns the order of the users by so many test splits, so that folds 0, 1, … test on different
            users.
        new_items, new_share: the newest by year of release, or as many by chance.
        held_out: share of the ratings of each training user that is kept from training.
    """
    lanes = [np.random.default_rng((seed, lane)) for lane in range(3)]
    users = _users(ratings.user_count, ratio, lanes[0], fold)
    new = (
        _by_year(ratings.years, new_share)
        if new_items == "year"
        else _by_chance(ratings, new_share, lanes[1])
    )
    of_training = np.isin(ratings.user, users["train"])
    return Division(users, new, of_training & ~new[ratings.item] & ~_held_out(ratings, held_out, lanes[2]))


def _users(count: int, ratio: Sequence[float], rng: np.random.Generator, fold: int) -> dict[str, Ints]:
    sizes = {split: len(places) for split, places in by_ratio(count, ratio, 0).items()}
    order = np.roll(rng.permutation(count), -fold * sizes["test"])
    ends = np.cumsum([sizes["test"], sizes["val"]])
    test, val, train = np.split(order, ends)
    return {split: np.sort(own) for split, own in zip(SPLITS, (train, val, test), strict=True)}


def _by_chance(ratings: Ratings, share: float, rng: np.random.Generator) -> Bools:
    new = np.zeros(ratings.item_count, bool)
    new[rng.permutation(ratings.item_count)[: round(share * ratings.item_count)]] = True
    return new


def _by_year(years: Ints, share: float) -> Bools:
    """Items of the last years: as many whole years as come nearest to the share. A missing year is old."""
    firsts = np.unique(years[years > 0])
    shares = np.array([1.0, *((years >= first).mean() for first in firsts), 0.0])
    nearest = int(np.argmin(np.abs(shares - share)))
    firsts = np.concatenate(([0], firsts, [years.max() + 1]))
    return (years >= firsts[nearest]) & (years > 0)


def _held_out(ratings: Ratings, share: float, rng: np.random.Generator) -> Bools:
    """[n] whether a rating is among this share of its user's, drawn by chance."""
    order = np.lexsort((rng.random(len(ratings.user)), ratings.user))
    counts = np.bincount(ratings.user)
    place = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    out = np.zeros(len(order), bool)
    out[order] = place < np.round(share * counts)[ratings.user[order]]
    return out
