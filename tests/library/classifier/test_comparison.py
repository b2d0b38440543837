"""A classifier beside scikit-learn's on the labelled rows of one table."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.preprocessing import StandardScaler

from metassl import HeadLearner, LabelledFolds, MetaClassifier, SSLTerm
from metassl.backbones.raw import Raw
from metassl.library.classifier.comparison import OWN, WITHOUT, Comparison, compare
from metassl.library.classifier.rivals import GUESS, RIVALS
from metassl.ssl.graph.label_propagation import LabelPropagation

QUICK = HeadLearner(Raw((1,))).attach(SSLTerm(LabelPropagation()))  # for rows of any width
RNG = np.random.default_rng(0)
TRUTH = np.arange(80) % 2
X = StandardScaler().fit_transform(RNG.normal(size=(80, 3)) + 1.2 * TRUTH[:, None])
Y = np.where(np.arange(80) < 30, TRUTH, -1)


def test_it_is_cross_validation_over_labelled_rows() -> None:
    """As scikit-learn's, where that can be; encoded rows differ in the scale of a fold."""
    few = {name: RIVALS[name] for name in ("LogisticRegression", "LabelSpreading", GUESS)}
    found = compare(MetaClassifier(QUICK), X, Y, folds=3, random_state=0, rivals=few)
    assert list(found.right) == [OWN, WITHOUT, *few]
    folds, known = LabelledFolds(3, shuffle=True, random_state=0), Y >= 0
    divided = [(train[Y[train] >= 0], test) for train, test in folds.split(X, Y)]
    theirs = cross_val_predict(LogisticRegression(), X[known], Y[known], cv=divided) == Y[known]
    assert (found.right["LogisticRegression"] == theirs).mean() > 0.9
    own = np.zeros(30, dtype=bool)
    for train, test in folds.split(X, Y):
        own[test] = MetaClassifier(QUICK).fit(X[train], Y[train]).predict(X[test]) == Y[test]
    assert np.array_equal(found.right[OWN], own)
    assert found.accuracy[OWN].mean == own.mean()
    assert found.gain[GUESS].mean == pytest.approx(own.mean() - found.right[GUESS].mean())
    assert (found.folds, found.unlabelled) == (3, 50)
    assert (
        str(found).splitlines()[0].startswith("3 folds of 30 labelled rows, 50 unlabelled ones in every fit")
    )
    assert str(found).count("MetaClassifier without U") == 1


def test_no_more_folds_than_a_class_has_rows() -> None:
    y = np.where(np.arange(80) < 4, TRUTH, -1)
    few = {GUESS: RIVALS[GUESS]}
    assert compare(MetaClassifier(QUICK), X, y, folds=5, rivals=few).folds == 2


def test_all_rivals_and_names_for_labels() -> None:
    names = np.array(["no", "yes"], object)[TRUTH]
    names[30:] = None
    found = MetaClassifier(QUICK).compare(X, names, folds=2)
    assert list(found.right) == [OWN, WITHOUT, *RIVALS]
    assert all(len(right) == 30 for right in found.right.values())
    assert str(found).splitlines()[-1] == found.verdict


def judged(own: list[int], other: list[int]) -> str:
    right = {OWN: np.array(own, bool), "KNeighbors": np.array(other, bool), GUESS: np.ones(len(own), bool)}
    return Comparison(right, 5, 0).verdict


def test_the_sentence_says_what_the_rows_can_tell() -> None:
    assert judged([1] * 40, [1] * 20 + [0] * 20).startswith("Use MetaClassifier: +50.0 ± 16.2 points")
    assert judged([0, 1] * 20, [1] * 40).startswith("Use KNeighbors: MetaClassifier is at -50.0 ± 16.2")
    assert judged([1, 0] * 20, [1, 0] * 19 + [0, 0]).startswith("Either: 40 labelled rows don't tell")
    assert "12 labelled rows are few" in judged([1] * 12, [0, 0, 1] * 4)


def test_a_class_of_one_labelled_row_can_t_be_left_out() -> None:
    y = Y.copy()
    y[79] = 5
    with pytest.raises(
        ValueError, match="y: found one labelled row of '5', needed are at least 2 of each class"
    ):
        MetaClassifier(QUICK).compare(X, y)
