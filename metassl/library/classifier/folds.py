"""Cross-validation where most rows have no label."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import BaseCrossValidator, StratifiedKFold
from sklearn.utils.validation import _num_samples

from metassl.data.spec import to_count
from metassl.errors import InputError
from metassl.library.classifier.labels import read_labels
from metassl.library.classifier.refusing import refusing


class LabelledFolds(BaseCrossValidator):
    """Divides the labelled rows into folds and keeps every unlabelled row in training; none is ever scored.

    The folds of the labelled rows are those of scikit-learn's StratifiedKFold. For cross_val_score,
    GridSearchCV and whatever else takes a `cv`. Unlabelled are rows whose label is -1, None, NaN or "".

    Args:
        n_splits: folds, 2 or more.
        shuffle: whether rows are shuffled within their class first.
        random_state: of that.

    Raises:
        ValueError: in `split`, no labelled row, or fewer in every class than there are folds.

    >>> import numpy as np
    >>> from metassl import LabelledFolds
    >>> y = np.array([0, -1, 1, -1, 0, 1])
    >>> for train, test in LabelledFolds(n_splits=2).split(np.zeros((6, 1)), y):
    ...     print(train.tolist(), test.tolist())
    [1, 3, 4, 5] [0, 2]
    [0, 1, 2, 3] [4, 5]
    """

    def __init__(
        self,
        n_splits: int = 5,
        shuffle: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_splits, self.shuffle, self.random_state = n_splits, shuffle, random_state

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """How many folds there are."""
        return self.n_splits

    def _iter_test_indices(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[NDArray[np.int64]]:
        with refusing():
            to_count("n_splits", self.n_splits, 2)
            labels = read_labels(y, _num_samples(X))
        labelled = np.flatnonzero(labels.known)
        most = int(np.bincount(labels.codes[labelled]).max())
        if most < self.n_splits:
            raise InputError(
                f"n_splits: found {self.n_splits}, allowed are up to {most}, the labelled rows of the most "
                "frequent class."
            )
        folds = StratifiedKFold(
            self.n_splits, shuffle=self.shuffle, random_state=self.random_state if self.shuffle else None
        )
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The least populated class", UserWarning)
            divided = list(folds.split(labelled, labels.codes[labelled]))
        for _, test in divided:
            yield labelled[test]
