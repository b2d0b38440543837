"""Classifiers of scikit-learn, to compare with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier

from metassl.heads.plain.head import quietly

NEIGHBOURS, IN_GRAPH = 5, 10


@dataclass(frozen=True)
class Rival:
    """A classifier that is compared with.

    Attributes:
        make: (rows that it is fitted on, seed) -> the classifier.
        reads_unlabelled: whether it is given the unlabelled rows, as -1.
    """

    make: Callable[[int, int], Any]
    reads_unlabelled: bool = False

    def answers(
        self, x: NDArray[Any], y: NDArray[np.int64], asked: NDArray[Any], seed: int
    ) -> NDArray[np.int64]:
        """The classes of the rows that are asked, by rows x and classes y, -1 where there is none."""
        rows = np.ones(len(y), dtype=bool) if self.reads_unlabelled else y >= 0
        with quietly():
            found: NDArray[np.int64] = self.make(int(rows.sum()), seed).fit(x[rows], y[rows]).predict(asked)
        return found


GUESS = "the most frequent class"
RIVALS: Mapping[str, Rival] = MappingProxyType({
    "LogisticRegression": Rival(lambda rows, seed: LogisticRegression(max_iter=1000)),
    "KNeighbors": Rival(lambda rows, seed: KNeighborsClassifier(min(NEIGHBOURS, rows))),
    "RandomForest": Rival(lambda rows, seed: RandomForestClassifier(random_state=seed)),
    "LabelSpreading": Rival(
        lambda rows, seed: LabelSpreading(kernel="knn", n_neighbors=min(IN_GRAPH, rows - 1), max_iter=300),
        reads_unlabelled=True,
    ),
    "SelfTraining": Rival(
        lambda rows, seed: SelfTrainingClassifier(LogisticRegression(max_iter=1000)), reads_unlabelled=True
    ),
    GUESS: Rival(lambda rows, seed: DummyClassifier(strategy="most_frequent")),
})  # fmt: skip
