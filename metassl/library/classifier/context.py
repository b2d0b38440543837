"""The task that a classifier adapts to, of as many rows as its model reads.

Legend: n rows, C classes.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metassl.data.pool import input_shape
from metassl.data.spec import to_count
from metassl.data.tables.target import UNKNOWN
from metassl.errors import InputError
from metassl.library.classifier.labels import Labels
from metassl.library.random_views import views_for
from metassl.library.tasks import Task
from metassl.outcomes.classification import CLASSES

LARGEST = 2**31 - 1  # seed
MORE = "rows, the model reads"  # of the warning


def task_of(x: NDArray[Any], labels: Labels, most: int | None, generator: np.random.RandomState) -> Task:
    """Labelled rows as support, the others as unlabelled items.

    Args:
        x: [n, ...] inputs.
        labels: of them.
        most: rows that the task may have, see `read_rows`; a warning says where that is fewer than there are.
        generator: chooses rows, and the seed of random views.

    Raises:
        ConfigError, InputError: a number of rows that can't be.
    """
    seed = int(generator.randint(LARGEST))
    read = read_rows(labels.codes, None if most is None else to_count("max_rows", most, 2), generator)
    codes, known = labels.codes[read], labels.known[read]
    if len(read) < len(x):
        warnings.warn(
            f"X: found {len(x)} {MORE} {most} (max_rows): {int(known.sum())} labelled and "
            f"{int((~known).sum())} unlabelled ones, chosen by random_state.",
            UserWarning,
            stacklevel=3,
        )
    x = x[read]
    return Task(x[known], codes[known], x[~known], CLASSES, views_for(input_shape(x)), seed)


def read_rows(
    codes: NDArray[np.int64], most: int | None, generator: np.random.RandomState
) -> NDArray[np.int64]:
    """The places of the rows that are read, in their order: unlabelled rows go first, then labelled ones.

    Labelled rows are only left out where they alone are more than `most`; then each class keeps its share,
    and at least one row.

    Args:
        codes: [n] classes; -1 for rows without a label.
        most: rows that are read; None: all.
        generator: chooses.

    Raises:
        InputError: fewer than one row for each class.
    """
    labelled, free = np.flatnonzero(codes != UNKNOWN), np.flatnonzero(codes == UNKNOWN)
    if most is None or len(codes) <= most:
        return np.arange(len(codes))
    if len(labelled) > most:
        labelled, free = _stratified(codes, labelled, most, generator), free[:0]
    kept = generator.permutation(free)[: most - len(labelled)]
    return np.sort(np.concatenate((labelled, kept)))


def _stratified(
    codes: NDArray[np.int64], rows: NDArray[np.int64], most: int, generator: np.random.RandomState
) -> NDArray[np.int64]:
    counts = np.bincount(codes[rows])
    shares = _shares(counts, most)
    chosen = [generator.permutation(rows[codes[rows] == label])[:share] for label, share in enumerate(shares)]
    return np.concatenate(chosen)


def _shares(counts: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """[C] how many of each class, in sum `most`: 1, and of the others the share that the class has of all."""
    if most < len(counts):
        raise InputError(f"max_rows: found {most}, at least one for each of {len(counts)} classes is needed.")
    due = (counts - 1) * (most - len(counts)) / max(int((counts - 1).sum()), 1)
    shares: NDArray[np.int64] = np.floor(due).astype(np.int64)
    shares[np.argsort(shares - due, kind="stable")[: most - len(counts) - int(shares.sum())]] += 1
    return shares + 1
