"""One width for tables of any width.

Legend: n rows, d numbers of a row.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class Narrowing:
    """Brings rows of d numbers to a fixed width.

    Up to the width, zeros are put after them; beyond it the first principal components stand for them, all
    divided by one number, so that their mean variance is 1. What a component is, is a function of the rows
    that `fit` has seen. The sign of each is such that its largest weight is above 0.

    Args:
        width: numbers of a row afterwards; None: d, nothing is changed.
        always: principal components also for rows that are narrow enough, the one of largest variance first.
    """

    def __init__(self, width: int | None, always: bool = False) -> None:
        self.width, self.always = width, always
        self.mean: NDArray[np.float64] = np.zeros(0)
        self.directions: NDArray[np.float64] | None = None

    def fit(self, x: NDArray[np.float32]) -> "Narrowing":
        """Finds the components of these rows [n, d], where any are needed."""
        if self.width is not None and (self.always or x.shape[1] > self.width):
            self.mean = x.mean(0, dtype=np.float64)
            self.directions = principal(x - self.mean, self.width)
        return self

    def transform(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """[n, d] -> [n, width]."""
        if self.width is None:
            return x
        shown = x if self.directions is None else (x - self.mean) @ self.directions
        wide = np.zeros((len(x), self.width), np.float32)
        wide[:, : shown.shape[1]] = shown
        return wide

    def groups(self, columns: Sequence[Sequence[int]]) -> list[list[int]]:
        """The places of each column's numbers; a component is a column of its own."""
        if self.directions is None:
            return [list(places) for places in columns]
        return [[k] for k in range(self.directions.shape[1])]


def principal(centred: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """[d, k] the first k <= count directions of variance above 0, over the square root of its mean."""
    values, vectors = np.linalg.eigh(centred.T @ centred / max(len(centred), 1))
    order = np.argsort(values)[::-1][: min(count, len(values))]
    order = order[values[order] > 1e-9 * max(values.max(initial=0.0), 1e-30)]
    kept = vectors[:, order]
    if not len(order):
        return kept
    largest = np.abs(kept).argmax(0)
    kept = kept * np.sign(kept[largest, np.arange(kept.shape[1])])
    scaled: NDArray[np.float64] = kept / np.sqrt(values[order].mean())
    return scaled
