"""The classifier as scikit-learn knows one: its checks, copies, labels of any type, and what it refuses."""

import pickle
import warnings
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import make_moons
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import metassl
from metassl import LabelledFolds, MetaClassifier
from metassl.backbones.raw import Raw
from metassl.errors import InputError, UserError
from metassl.heads.base import Head
from metassl.heads.propagation import Propagation
from metassl.learners.base import MetaLearner
from metassl.ssl.graph.label_propagation import LabelPropagation
from tests.data.tables.frames import frame

QUICK = metassl.HeadLearner(Raw((1,))).attach(metassl.SSLTerm(LabelPropagation()))  # for rows of any width
EXPECTED = {
    "check_classifiers_classes": "its labels are -1 and 1, and -1 means unlabelled",
    "check_methods_sample_order_invariance": "the last digit of float32 depends on what is computed beside it",
}


def table(labelled: int = 12, rows: int = 90) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Columns of every kind, the labels of the first rows, and all of them."""
    found = frame(rows)
    truth = found.pop("class").to_numpy(dtype=object)
    return found, np.where(np.arange(rows) < labelled, truth, None), truth


def moons(labelled: int = 4, rows: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two moons of which one labelled row in each half of each is known."""
    x, truth = make_moons(rows, noise=0.05, random_state=0)
    known = np.concatenate([np.flatnonzero(truth == k)[:labelled] for k in (0, 1)])
    y = np.full(rows, -1)
    y[known] = truth[known]
    return x, y, truth


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
def test_scikit_learn_s_own_checks() -> None:
    found = check_estimator(MetaClassifier(), expected_failed_checks=EXPECTED, on_skip=None)
    failed = {check["check_name"] for check in found if check["status"] == "xfail"}
    assert {"check_classifiers_classes"} <= failed <= set(EXPECTED)
    assert len([check for check in found if check["status"] == "passed"]) > 45


@pytest.mark.parametrize(("given", "classes"), [
    ([2, 2, 7, 7, -1, -1], [2, 7]),
    ([2.0, 2.0, 7.0, 7.0, np.nan, -1], [2.0, 7.0]),
    (["b", "b", "a", "a", "", "-1"], ["a", "b"]),
    (np.array(["b", "b", "a", "a", None, -1], object), ["a", "b"]),
    (np.array([True, True, False, False, None, np.nan], object), [False, True]),
    (np.array([3, 3, 1, 1, None, -1], object), [1, 3]),
    (pd.Series([3, 3, 1, 1, None, None], dtype="Int64"), [1, 3]),
    (pd.Series(["b", "b", "a", "a", None, None], dtype="category"), ["a", "b"]),
    ([True, True, False, False, True, False], [False, True]),
], ids=repr)  # fmt: skip
def test_labels_of_any_type(given: Any, classes: list[Any]) -> None:
    x = np.array([[0.0, 0], [0, 1], [5, 5], [5, 6], [0, 0.5], [5, 5.5]])
    model = MetaClassifier(QUICK).fit(x, given)
    assert model.classes_.tolist() == classes
    assert model.predict(x[:4]).tolist() == [given[k] for k in range(4)]
    assert model.score(x, given) == 1
    assert model.n_features_in_ == 2


def test_unlabelled_rows_are_worth_something_on_two_moons() -> None:
    """By a graph of rows; and no unlabelled row is needed."""
    x, y, truth = moons()
    head = Propagation(features=2, sigma=1.0)
    learner = metassl.HeadLearner(Raw((1,)), head).attach(metassl.SSLTerm(LabelPropagation()))
    known, asked = y >= 0, slice(100, 130)
    alone = MetaClassifier(learner).fit(x[known], y[known]).score(x[asked], truth[asked])
    assert MetaClassifier(learner).fit(x, y).score(x[asked], truth[asked]) > alone + 0.05


def test_rows_in_another_order_are_answered_alike() -> None:
    x, y, _ = table()
    order = np.random.default_rng(0).permutation(len(x))
    found = MetaClassifier().fit(x, y).predict_proba(x)
    turned = MetaClassifier().fit(x.iloc[order], y[order]).predict_proba(x.iloc[order])
    assert np.allclose(turned, found[order], atol=1e-5)


@pytest.mark.parametrize(("model", "ssl"), [("maml", "consistency"), ("tpn", "none"), ("protonet", "gmm")])
def test_a_row_is_answered_as_if_it_had_come_alone(model: str, ssl: str) -> None:
    """Also by learners whose norm or graph takes all queries together."""
    x, y, _ = moons(rows=40)
    learner = metassl.learner(model, ssl=ssl, task=metassl.TaskSpec(2, (2,), 2))
    state = {name: value.clone() for name, value in learner.state_dict().items()}
    fitted = MetaClassifier(learner).fit(x, y)
    found = fitted.predict_proba(x)
    alone = np.concatenate([fitted.predict_proba(x[k : k + 1]) for k in range(0, 40, 10)])
    assert np.allclose(found[::10], alone, atol=1e-5)
    again = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(again.predict_proba(x), found)
    assert learner.training
    assert all(torch.equal(value, state[name]) for name, value in learner.state_dict().items())


def test_copies_answer_to_the_bit(tmp_path: Any) -> None:
    x, y, _ = table()
    model = MetaClassifier(QUICK, kinds={"width": "drop"}, max_rows=50, random_state=3)
    with pytest.warns(
        UserWarning, match=r"found 90 rows, the model reads 50 \(max_rows\): 12 labelled and 38"
    ):
        found = model.fit(x, y).predict_proba(x)
    joblib.dump(model, tmp_path / "model")
    with warnings.catch_warnings(action="ignore"):
        copies = [
            pickle.loads(pickle.dumps(model)), joblib.load(tmp_path / "model"), clone(model).fit(x, y),
            MetaClassifier(**model.get_params(deep=False)).fit(x, y),
        ]  # fmt: skip
    assert all(np.array_equal(copy.predict_proba(x), found) for copy in copies)
    assert clone(model).set_params(max_rows=7).get_params()["max_rows"] == 7


def test_it_goes_with_pipelines_searches_and_cross_validation() -> None:
    x, y, truth = moons(labelled=6)
    folds = LabelledFolds(3, shuffle=True, random_state=0)
    assert (
        cross_val_score(make_pipeline(StandardScaler(), MetaClassifier(QUICK)), x, y, cv=folds).mean() > 0.6
    )
    search = GridSearchCV(MetaClassifier(QUICK), {"scale": ["standard", "minmax"]}, cv=folds).fit(x, y)
    assert search.best_params_["scale"] in ("standard", "minmax")
    assert search.score(x, truth) > 0.7
    assert cross_val_score(MetaClassifier(QUICK), x, y, cv=3).shape == (3,)  # scored are labelled rows alone


def test_columns_of_every_kind_are_found_and_said() -> None:
    x, y, truth = table(30)
    model = MetaClassifier().fit(x, y)
    kinds = {column.name: column.kind for column in model.columns_}
    assert kinds == {
        "id": "identifier", "height": "numeric", "colour": "categorical", "seen": "date", "width": "numeric",
        "same": "constant", "none": "empty", "note": "text",
    }  # fmt: skip
    assert model.feature_names_in_.tolist() == list(x.columns)
    assert model.score(x, truth) > 0.6
    unseen = x.assign(colour="violet", height=np.nan)
    assert np.isfinite(model.predict_proba(unseen)).all()
    words = MetaClassifier().fit([[1, "a"], [2, "b"], [3, "a"], [4, "b"], [5.5, "b"]], [0, 1, 0, 1, -1])
    assert [column.kind for column in words.columns_] == ["numeric", "categorical"]


def test_pictures_and_tensors() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(12) % 2
    x = (rng.integers(0, 60, (12, 8, 8)) + 150 * y[:, None, None]).astype(np.uint8)
    learner = metassl.learner(
        "protonet", task=metassl.TaskSpec(2, (1, 8, 8), 2),
        options={"backbone": "mlp", "backbone.norm": "group"},
    )  # fmt: skip
    few = np.where(np.arange(12) < 4, y, -1)
    found = MetaClassifier(learner).fit(x, few)
    assert found.score(x, y) == 1
    other = MetaClassifier(learner).fit(torch.from_numpy(x), few)
    assert np.array_equal(other.predict_proba(x[..., None]), found.predict_proba(x))
    with pytest.raises(
        InputError, match=r"X: found items of uint8 \[8, 7, 1\], needed are uint8 \[8, 8, 1\]"
    ):
        found.predict(x[:, :, :7])
    vectors = MetaClassifier(metassl.learner("protonet", task=metassl.TaskSpec(2, (8,), 2)), scale="none")
    assert vectors.fit(x[:, 0] / 255.0, few).predict(x[:, 0] / 255.0).shape == (12,)


class Reciprocal(Head):
    """A head that has no answer for rows at 0."""

    def fit(self, z: torch.Tensor, q: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        return q.mean(0)

    def logits(self, state: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        return state + (z[:, :1] - z[:, :1]) / z[:, :1]


def test_a_row_without_an_answer_has_all_classes_alike() -> None:
    x, y = np.array([[1.0], [2.0], [0.0]]), ["a", "b", "b"]
    model = MetaClassifier(metassl.HeadLearner(Raw((1,)), Reciprocal()), scale="none").fit(x, y)
    with pytest.warns(UserWarning, match="found 1 of 3 rows for which the model has no answer"):
        found = model.predict_proba(x)
    assert found[2].tolist() == [0.5, 0.5]
    assert np.isfinite(found).all()
    assert found[0, 0] != 0.5


def of(model: str) -> MetaLearner:
    return metassl.learner(model, task=metassl.TaskSpec(2, (2,), 2), options={"backbone.norm": "group"})


X = np.random.default_rng(1).normal(size=(12, 2))
Y = np.arange(12) % 3


@pytest.mark.parametrize(("options", "x", "y", "line"), [
    ({}, X, np.full(12, -1), "y: found no labelled row among 12"),
    ({}, X, np.where(Y == 1, 1, -1), "y: found one class, '1', at least 2 classes are needed; -1, None"),
    ({}, X, Y[:5], "y: found 5 labels for 12 rows"),
    ({}, X, Y + 0.5, "Unknown label type: continuous"),
    ({}, X, np.array([1, "a"] * 6, object), "y: found labels of int and str, allowed is one type|Unknown label"),
    ({}, np.where(X > 1, np.inf, X), Y, "Input X contains infinity"),
    ({}, pd.DataFrame({"a": [1.0, np.inf] * 6, "b": X[:, 0]}), Y, "column 'a': found an infinite number"),
    ({}, pd.DataFrame(X, columns=["a", "a"]), Y, "X: found the column 'a' twice"),
    ({}, pd.DataFrame({"a": ["x"] * 12}), Y, "X: found no column to learn from: dropped a"),
    ({"kinds": {"3": "drop"}}, X, Y, "kinds, column of X: found '3'"),
    ({"scale": "standart"}, X, Y, "scale: found 'standart'. Did you mean 'standard'"),
    ({"max_rows": 2}, X, Y, "max_rows: found 2, at least one for each of 3 classes"),
    ({"max_rows": 0}, X, Y, "max_rows: found 0"),
    ({"model": 3}, X, Y, "model: found 3, allowed is a MetaLearner"),
    ({"model": of("maml")}, X, Y, "learner: it can't take tasks of 3 classes"),
    ({"model": of("maml")}, np.c_[X, X], Y % 2, r"learner: it can't take tasks of 2 classes with inputs of shape \(4,\)"),
], ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
def test_what_is_refused_is_said_in_a_line(options: dict[str, Any], x: Any, y: Any, line: str) -> None:
    with pytest.raises(ValueError, match=line) as caught:
        MetaClassifier(**options).fit(x, y)
    assert "\n" not in str(caught.value)
    assert "dataset.source" not in str(caught.value)


def test_other_columns_at_prediction() -> None:
    x, y, _ = table(12)
    model = MetaClassifier().fit(x, y)
    with pytest.raises(
        ValueError, match=r"(?s)unseen at fit time:\n- hieght.*Did you mean 'height' by 'hieght'"
    ):
        model.predict(x.rename(columns={"height": "hieght"}))
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        assert np.array_equal(model.predict_proba(x.to_numpy(object)), model.predict_proba(x))
    with pytest.raises(
        ValueError, match="X has 3 features, but MetaClassifier is expecting 8 features as input"
    ):
        MetaClassifier().fit(np.eye(8), np.arange(8) % 2).predict(np.zeros((2, 3)))
    with pytest.raises(UserError, match="y: found no labelled row among 2, none can be scored"):
        model.score(x[:2], [-1, -1])


def test_a_fit_that_failed_is_none() -> None:
    model = MetaClassifier()
    with pytest.raises(InputError):
        model.fit(X, np.full(12, -1))
    with pytest.raises(NotFittedError):
        model.predict(X)
