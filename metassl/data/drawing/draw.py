"""Which rows make up some episodes.

Legend: T episodes, S support, Q query, U unlabelled, N way, K outputs (N, or the values of an item).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator


@dataclass(frozen=True)
class Draw:
    """Rows of the items for T episodes, with labels and padding.

    Attributes:
        support, support_weight: [T, S]; query, ...: [T, Q]; unlabelled, ...: [T, U].
        outer, outer_weight: [T, U2], a second set of the same make-up as U (or U2 = 0).
        support_y and so on: labels 0..N-1 of the shape of the rows, -1 for distractors; or values, with K of
            them in a further dimension.
        distractor: [T, U] bool, what of U is of none of the task's classes.
        class_mask: [T, K]; class_ids: [T, K] index of each class, or of the family of a value, in the whole
            source; classes: [T, K] its number among the classes of the split, 0 for a value.
        generators: one for each episode, for whatever else is random in it (the views).
        items: [n, ...] what the rows are of, where these episodes bring their own; None: the source's.
        family: [T] number of each task's family in the source; None: all are of one.
        support_true: [T, S] true labels of S, where some of support_y are wrong; None: none is.
    """

    support: np.ndarray
    support_y: np.ndarray
    support_weight: np.ndarray
    query: np.ndarray
    query_y: np.ndarray
    query_weight: np.ndarray
    unlabelled: np.ndarray
    unlabelled_y: np.ndarray
    unlabelled_weight: np.ndarray
    outer: np.ndarray
    outer_y: np.ndarray
    outer_weight: np.ndarray
    distractor: np.ndarray
    class_mask: np.ndarray
    class_ids: np.ndarray
    classes: np.ndarray
    generators: Sequence[Generator]
    items: np.ndarray | None = None
    family: np.ndarray | None = None
    support_true: np.ndarray | None = None
