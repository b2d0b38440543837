"""Classes out of numbers, in given shares.

Legend: n rows, C classes.
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

LEAST = 0.3  # of an equal share


def shares(rng: Generator, classes: int, concentration: float) -> NDArray[np.float64]:
    """[C] shares ~ Dirichlet, each of which is at least 0.3 of an equal one."""
    return (1 - LEAST) * rng.dirichlet(np.full(classes, concentration)) + LEAST / classes


def by_order(score: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.int64]:
    """[n] the class of each row by the rank of its score [n], in shares [C]; equal scores by their place."""
    ranks = np.empty(len(score), np.int64)
    ranks[np.argsort(score, kind="stable")] = np.arange(len(score))
    edges = np.rint(np.cumsum(wanted)[:-1] * len(score))
    return np.searchsorted(edges, ranks, side="right")


def by_largest(scores: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.int64]:
    """[n] the class whose score [n, C] is largest after each is moved towards the shares [C].

    Where a class then has less than half of the least share, all are told by the order of the first score.
    """
    n, classes = scores.shape
    scores = (scores - scores.mean(0)) / (scores.std(0) + 1e-9)
    y = np.argmax(scores + np.log(wanted), axis=1)
    counts = np.bincount(y, minlength=classes)
    return y if counts.min() >= max(2, LEAST / 2 / classes * n) else by_order(scores[:, 0], wanted)
