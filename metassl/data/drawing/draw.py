"""Which rows make up some episodes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator


@dataclass(frozen=True)
class Draw:
    """Rows of the pool's items for T episodes, with labels and padding.

    Attributes:
        support, support_y, support_weight: [T, S]; query, ...: [T, Q].
        unlabelled, unlabelled_y, unlabelled_weight: [T, U]; unlabelled_y is -1 for distractors.
        outer, outer_y, outer_weight: [T, U2], a second set of the same make-up (or U2 = 0).
        class_mask: [T, N]; class_ids: [T, N] index of each class in the whole source; classes: [T, N]
            its number among the classes of the split.
        generators: one for each episode, for whatever else is random in it (the views).
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
    class_mask: np.ndarray
    class_ids: np.ndarray
    classes: np.ndarray
    generators: Sequence[Generator]
