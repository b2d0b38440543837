"""One synthetic table after the other, each by random numbers of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from metassl.data.prior.columns import Raw, Wear, worn
from metassl.data.prior.encoded import encoded
from metassl.data.prior.families import Family
from metassl.data.tables.narrowing import Narrowing
from metassl.data.tables.part import Part
from metassl.data.tables.sampler import TABLE, Drawn
from metassl.data.tables.task import Lane

ROWS_OF_A_CLASS = 6  # a table has no more classes than would have so many rows each


@dataclass(frozen=True)
class Sizes:
    """Ranges [low, high] of rows, columns and classes; each even in its square root, so small is likelier."""

    rows: tuple[int, int]
    columns: tuple[int, int]
    classes: tuple[int, int]

    def __call__(self, rng: Generator) -> tuple[int, int, int]:
        """Rows, columns and classes of one table."""
        n, d = _even_in_root(rng, self.rows), _even_in_root(rng, self.columns)
        low, high = self.classes
        return n, d, _even_in_root(rng, (low, max(low, min(high, n // ROWS_OF_A_CLASS))))


@dataclass(frozen=True)
class PriorTables:
    """Makes the table of a task; see metassl.data.tables.sampler.Tables.

    Attributes:
        families: to draw from; numbers: of each in the whole source; weights: how often each is drawn.
        sizes, wear: of the tables.
        asked: share of the rows of each class that are Q.
        width, always: of the numbers, see metassl.data.tables.narrowing.Narrowing.
    """

    families: Sequence[Family]
    numbers: Sequence[int]
    weights: Sequence[float]
    sizes: Sizes
    wear: Wear
    asked: float
    width: int
    always: bool
    count: int = 0

    def raw(self, rng: Generator) -> tuple[Raw, int]:
        """A table, and the place of its family."""
        n, d, classes = self.sizes(rng)
        k = int(np.searchsorted(np.cumsum(self.weights), rng.random() * sum(self.weights), side="right"))
        k = min(k, len(self.families) - 1)
        plain = self.families[k](rng, n, d, classes)
        return worn(rng, plain.x, plain.y, self.wear), k

    def __call__(self, lane: Lane) -> Drawn:
        """See metassl.data.tables.sampler.Tables."""
        raw, k = self.raw(lane(TABLE))
        seen, asked = divided(raw.y, self.asked)
        shown = np.zeros(len(raw.y), bool)
        shown[np.concatenate(seen)] = True
        x = encoded(raw, shown)
        x = Narrowing(self.width, self.always).fit(x[shown]).transform(x)
        part = Part("prior", seen, asked, np.zeros(0, np.int64))
        return Drawn(part, self.numbers[k], x)


def divided(y: NDArray[np.int64], asked: float) -> tuple[list[NDArray[np.int64]], list[NDArray[np.int64]]]:
    """Rows of each class that are seen and that are asked; rows come in no order, so the first are as good.

    A class that wrong labels have left without rows is left out.
    """
    rows = [np.flatnonzero(y == k) for k in range(int(y.max()) + 1)]
    rows = [own for own in rows if len(own)]
    edges = [max(1, round((1 - asked) * len(own))) for own in rows]
    both = list(zip(rows, edges, strict=True))
    return [own[:edge] for own, edge in both], [own[edge:] for own, edge in both]


def _even_in_root(rng: Generator, span: tuple[int, int]) -> int:
    root = rng.uniform(np.sqrt(span[0]), np.sqrt(span[1] + 1))
    return min(int(root**2), span[1])
