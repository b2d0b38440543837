"""Folds of labelled rows."""

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold

from metassl import LabelledFolds

Y = np.array([0, -1, 1, 0, -1, 1, 0, 1, -1, 0, 1, 0], object)
Y[1] = None
X = np.zeros((12, 2))


def test_unlabelled_rows_are_in_every_fit_and_never_scored() -> None:
    free = {1, 4, 8}
    folds = LabelledFolds(3, shuffle=True, random_state=1)
    divided = list(folds.split(X, Y))
    assert folds.get_n_splits(X, Y) == len(divided) == 3
    assert all(free <= set(train) and not free & set(test) for train, test in divided)
    assert all(sorted([*train, *test]) == list(range(12)) for train, test in divided)
    assert sorted(np.concatenate([test for _, test in divided])) == sorted(set(range(12)) - free)
    labelled = np.array(sorted(set(range(12)) - free))
    theirs = StratifiedKFold(3, shuffle=True, random_state=1).split(labelled, Y[labelled].astype(int))
    assert [labelled[test].tolist() for _, test in theirs] == [test.tolist() for _, test in divided]


@pytest.mark.parametrize(("folds", "y", "line"), [
    (6, Y, "n_splits: found 6, allowed are up to 5"),
    (1, Y, "n_splits: found 1"),
    (2, np.full(12, -1), "y: found no labelled row among 12"),
])  # fmt: skip
def test_what_is_refused(folds: int, y: np.ndarray, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        next(LabelledFolds(folds).split(X, y))
