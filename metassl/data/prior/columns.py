"""What makes plain columns those of a table: useless, grouped, repeated, skewed, rounded, in words, missing.

Legend: n rows, d columns, m categories, k groups.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from metassl.data.prior.families import standardised
from metassl.data.prior.labels import by_order, shares

MOST_CATEGORIES = 8
GROUPS_APART = (0.5, 4.0)  # deviation of the centres of groups, in those of a group
GROUPS_EVEN = 3.0


@dataclass(frozen=True)
class Raw:
    """A table as it might have been found.

    Attributes:
        x: [n, d] numbers, or categories 0..m-1; NaN where missing.
        categories: [d] m, or 0 for a numeric column.
        y: [n] classes.
    """

    x: NDArray[np.float64]
    categories: NDArray[np.int64]
    y: NDArray[np.int64]


@dataclass(frozen=True)
class Wear:
    """How often columns are not what they could be.

    Attributes:
        useless: share of columns that say nothing, from 0 to this.
        grouped: share of columns that tell groups of rows, two to five, which say nothing of the class,
            from 0 to this.
        repeated: share of columns that repeat another with noise, from 0 to this.
        categorical: share of tables that have columns of categories, any share of them, a third all.
        missing: share of tables with missing values, and the most of a column that is missing.
        wrong: share of labels that are of another row, from 0 to this.
    """

    useless: float
    grouped: float
    repeated: float
    categorical: float
    missing: tuple[float, float]
    wrong: float


def worn(rng: Generator, x: NDArray[np.float64], y: NDArray[np.int64], wear: Wear) -> Raw:
    """The table of plain columns x [n, d] after all that."""
    n, d = x.shape
    x = standardised(x)
    copies = np.flatnonzero(rng.random(d) < rng.uniform(0, wear.repeated))
    of, sign = rng.integers(d, size=len(copies)), rng.choice((-1.0, 1.0), len(copies))
    noise = rng.uniform(0.1, 1, len(copies)) * rng.normal(size=(n, len(copies)))
    x[:, copies] = x[:, of] * sign + noise
    idle = (rng.random(d) < rng.uniform(0, wear.useless)) & (np.arange(d) != rng.integers(d))
    useless = np.flatnonzero(idle)
    x[:, useless] = rng.normal(size=(n, len(useless)))
    if wear.grouped:
        x = _grouped(rng, x, rng.uniform(0, wear.grouped))
    categories = _categories(rng, d, wear.categorical)
    words = np.flatnonzero(categories)
    cut = _in_categories(rng, x[:, words], categories[words]) if len(words) else x[:, :0]
    x = _numbers(rng, x)
    x[:, words] = cut
    wrong = rng.random(n) < rng.uniform(0, wear.wrong)
    y = np.where(wrong, y[rng.permutation(n)], y)
    often, most = wear.missing
    if rng.random() < often:
        x[rng.random((n, d)) < rng.uniform(0, most, d) * (rng.random(d) < 0.5)] = np.nan
    return Raw(x, categories, y)


def _grouped(rng: Generator, x: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """So many columns hang together by groups of rows that nothing else knows of; one column never does."""
    n, d = x.shape
    chosen = np.flatnonzero((rng.random(d) < share) & (np.arange(d) != rng.integers(d)))
    k = int(rng.integers(2, 6))
    group = by_order(rng.random((n,)), shares(rng, k, GROUPS_EVEN))
    centres = rng.uniform(*GROUPS_APART) * rng.normal(size=(k, len(chosen)))
    x[:, chosen] = standardised(centres[group] + rng.normal(size=(n, len(chosen))))
    return x


def _categories(rng: Generator, d: int, often: float) -> NDArray[np.int64]:
    """[d] numbers of categories; half of those columns are binary."""
    share = rng.choice((1.0, rng.random(), rng.random())) if rng.random() < often else 0.0
    many = np.where(rng.random(d) < 0.5, 2, rng.integers(2, MOST_CATEGORIES + 1, d))
    return np.where(rng.random(d) < share, many, 0)


def _in_categories(
    rng: Generator, x: NDArray[np.float64], categories: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Cut at random ranks, and the pieces in random order."""
    n, d = x.shape
    ranks = (x.argsort(0).argsort(0) + 0.5) / n
    edges = rng.uniform(0.05, 0.95, (d, MOST_CATEGORIES - 1))
    edges[np.arange(MOST_CATEGORIES - 1) >= categories[:, None] - 1] = np.inf
    piece = (ranks[:, :, None] > edges).sum(-1)
    key = rng.random((d, MOST_CATEGORIES))
    key[np.arange(MOST_CATEGORIES) >= categories[:, None]] = np.inf
    name = key.argsort(1).argsort(1)
    return name[np.arange(d), piece].astype(np.float64)


def _numbers(rng: Generator, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """A third skewed, a fifth rounded, each in units of its own; `x` is written over."""
    d = x.shape[1]
    power = np.where(rng.random(d) < 0.33, rng.uniform(0.3, 1, d), 0.0)
    skewed = np.flatnonzero(power)
    x[:, skewed] = np.expm1(power[skewed] * x[:, skewed])
    rounded = np.flatnonzero(rng.random(d) < 0.2)
    x[:, rounded] = np.rint(x[:, rounded] * rng.uniform(2, 10, len(rounded)))
    return x * np.exp(rng.normal(size=d)) + rng.normal(size=d)
