"""Tasks that a table makes of itself, where no row has a label.

Legend: n rows, d numbers of a row, K clusters.
"""

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from metassl.data.tables.part import Part, Rows
from metassl.data.tables.sampler import TABLE, Drawn
from metassl.data.tables.spec import TableSpec
from metassl.data.tables.task import Lane

CLUSTERS = TABLE + 1  # a lane of its own
TRIES = 20  # draws of columns until there are two clusters that are large enough


class SelfMadeTables:
    """Makes a table with classes of rows without: some of its columns make the classes, the others are shown.

    p ~ U(share) of the columns are chosen; k-means on them alone gives K clusters, which are the classes;
    then each of the chosen columns is shuffled among the rows, so that the classes are to be told by what
    goes with them in the other columns. All numbers of a column (its categories) are chosen and shuffled
    together.

    Source: Nam et al. 2023 (STUNT), section 3.2; p from 0.2 to 0.5. Their shuffling is a draw from the
    column's empirical marginal, which this is. Differs from the paper: a cluster with too few rows for S and
    one query is left out, where they draw columns anew until all are large enough; Q and U are as frequent as
    clusters are, with them Q is balanced.

    Args:
        parts: tables, each as likely; labels of theirs are not looked at.
        numbers: of the tables in the source.
        items: [n, d] what the parts' rows are of.
        spec: the make-up, with `self_made`.
    """

    def __init__(
        self, parts: Sequence[Part], numbers: Sequence[int], items: NDArray[np.float32], spec: TableSpec
    ) -> None:
        assert spec.self_made is not None
        self.parts, self.numbers, self.items = parts, numbers, items
        self.spec, self.own = spec, spec.self_made
        self.rows = [np.concatenate([*part.seen, part.free]) for part in parts]
        self.count = sum(map(len, self.rows))

    def __call__(self, lane: Lane) -> Drawn:
        """See metassl.data.tables.sampler.Tables."""
        k = int(lane(TABLE).integers(len(self.parts)))
        rng = lane(CLUSTERS)
        rows = np.sort(rng.permutation(self.rows[k])[: self.own.rows])
        x = np.array(self.items[rows])
        chosen, clusters = self._classes(x, self.parts[k].groups, rng)
        for places in chosen:
            x[:, places] = x[rng.permutation(len(x))][:, places]
        part = Part(self.parts[k].name, clusters, None, np.zeros(0, np.int64))
        return Drawn(part, self.numbers[k], x)

    def _classes(
        self, x: NDArray[np.float32], groups: Sequence[Sequence[int]], rng: Generator
    ) -> tuple[list[Sequence[int]], list[Rows]]:
        """The columns that make the classes, and the rows of each class."""
        least = self.spec.shot.high + 1
        chosen: list[Sequence[int]] = []
        clusters: list[Rows] = []
        for _ in range(TRIES):
            share = rng.uniform(*self.own.share)
            count = min(max(round(share * len(groups)), 1), max(len(groups) - 1, 1))
            chosen = [groups[g] for g in rng.permutation(len(groups))[:count]]
            clusters = [
                c for c in clustered(x[:, np.concatenate(chosen)], self.spec.classes, rng) if len(c) >= least
            ]
            if len(clusters) > 1:
                return chosen, clusters
        halves = rng.permutation(len(x))  # columns of one value make no clusters; a task without an answer
        return chosen, np.array_split(halves, 2)


def clustered(x: NDArray[np.float32], count: int, rng: Generator) -> list[Rows]:
    """Rows of each cluster of k-means on x [n, d], of which equal rows are one point."""
    points, of_row, sizes = np.unique(x, axis=0, return_inverse=True, return_counts=True)
    count = min(count, len(points))
    means = KMeans(count, n_init=1, max_iter=50, random_state=int(rng.integers(2**31)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        cluster = means.fit_predict(points, sample_weight=sizes)[of_row.ravel()]
    return [np.flatnonzero(cluster == k) for k in range(count)]
