"""Plain classifiers as heads: scikit-learn's own answers, and what rows, weights and unlabelled rows do."""

import pickle
from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from sklearn.svm import SVC
from torch import Tensor

from metassl.heads.plain.classifiers import (
    Forest,
    Logistic,
    Neighbours,
    SelfTraining,
    Spreading,
    SupportVectors,
)
from metassl.heads.plain.head import LEAST, UNSEEN, PlainHead
from tests.support.contexts import WAY, D
from tests.support.heads import hard_rows, soft_rows
from tests.support.numbers import random

QUERIES = random(7, D, seed=7)
ALONE: dict[str, tuple[PlainHead, Callable[[], object]]] = {
    "logistic regression": (
        Logistic(2.0, unit_length=False),
        lambda: LogisticRegression(C=2.0, max_iter=1000),
    ),
    "svm": (SupportVectors(0.5, unit_length=False), lambda: SVC(kernel="linear", C=0.5)),
    "neighbours": (Neighbours(3, unit_length=False), lambda: KNeighborsClassifier(3)),
    "forest": (Forest(10), lambda: RandomForestClassifier(10, random_state=0)),
}
READERS: dict[str, tuple[PlainHead, Callable[[], object]]] = {
    "label spreading": (
        Spreading(3, 0.5, unit_length=False),
        lambda: LabelSpreading(kernel="knn", n_neighbors=3, alpha=0.5, max_iter=300),
    ),
    "self-training": (
        SelfTraining(1.0, 0.6, unit_length=False),
        lambda: SelfTrainingClassifier(LogisticRegression(C=1.0, max_iter=1000), threshold=0.6),
    ),
}


def logits(head: PlainHead, rows: tuple[Tensor, Tensor, Tensor], queries: Tensor = QUERIES) -> Tensor:
    return head.logits(head.fit(*rows), queries)


def classes(q: Tensor) -> np.ndarray:
    return q.argmax(1).numpy()


@pytest.mark.parametrize("name", ALONE)
def test_it_is_the_classifier_of_scikit_learn(name: str) -> None:
    (head, make), (z, q, w) = ALONE[name], hard_rows(12)
    theirs = make().fit(z.numpy(), classes(q))
    found = logits(head, (z, q, w))
    assert found.dtype == z.dtype
    if hasattr(theirs, "predict_proba"):
        expected = np.log(np.maximum(theirs.predict_proba(QUERIES.numpy()), LEAST))
    else:
        expected = theirs.decision_function(QUERIES.numpy())
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9)
    np.testing.assert_array_equal(classes(found), theirs.predict(QUERIES.numpy()))


@pytest.mark.parametrize("name", READERS)
def test_rows_without_a_label_are_unlabelled_to_it(name: str) -> None:
    (head, make), (z, q, w) = READERS[name], hard_rows(9)
    u = random(20, D, seed=5)
    theirs = make().fit(torch.cat((z, u)).numpy(), np.append(classes(q), np.full(20, -1)))
    state = head.fit_with_unlabelled(z, q, w, u, torch.ones(20).double())
    expected = np.log(np.maximum(theirs.predict_proba(QUERIES.numpy()), LEAST))
    np.testing.assert_allclose(head.logits(state, QUERIES).numpy(), expected, rtol=1e-9)


@pytest.mark.parametrize("name", [*ALONE, *READERS])
def test_rows_of_weight_0_have_no_part(name: str) -> None:
    head, (z, q, w) = (ALONE | READERS)[name][0], hard_rows()
    more = torch.cat((z, 30 * random(4, D, seed=3))), torch.cat((q, q[:4])), torch.cat((w, 0 * w[:4]))
    torch.testing.assert_close(logits(head, more), logits(head, (z, q, w)), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["logistic regression", "svm", "neighbours", "label spreading"])
def test_order_and_names_make_no_difference(name: str) -> None:
    """A forest's samples do depend on the order of the rows."""
    head, (z, q, w) = (ALONE | READERS)[name][0], hard_rows()
    order, names = torch.randperm(len(z)), torch.tensor([2, 0, 1])
    found = logits(head, (z[order], q[order][:, names], w[order]))
    torch.testing.assert_close(found, logits(head, (z, q, w))[:, names], rtol=1e-3, atol=1e-3)


def test_a_row_with_soft_labels_stands_once_for_each_of_its_classes() -> None:
    z, q, w = soft_rows()
    rows = z.numpy().repeat(WAY, 0), np.tile(np.arange(WAY), len(z)), (q * w[:, None]).numpy().ravel()
    theirs = LogisticRegression(C=2.0, max_iter=1000).fit(rows[0], rows[1], sample_weight=rows[2])
    expected = theirs.predict_proba(QUERIES.numpy())
    np.testing.assert_allclose(
        logits(Logistic(2.0, unit_length=False), (z, q, w)).exp().numpy(), expected, rtol=1e-6
    )


def test_a_classifier_without_weights_takes_the_likeliest_class() -> None:
    z, q, w = soft_rows()
    hard = torch.eye(WAY).double()[q.argmax(1)]
    torch.testing.assert_close(logits(Neighbours(), (z, q, w)), logits(Neighbours(), (z, hard, w)))


@pytest.mark.parametrize("name", [*ALONE, *READERS])
def test_classes_without_rows_and_tasks_of_one_class(name: str) -> None:
    head, (z, q, w) = (ALONE | READERS)[name][0], hard_rows(12)
    two = logits(head, (z, q, w * (q[:, 2] == 0)))
    assert (two[:, 2] == UNSEEN).all()
    assert (two[:, :2] > UNSEEN).all()
    one = logits(head, (z, q, w * (q[:, 1] == 1)))
    assert one.tolist() == [[UNSEEN, 0.0, UNSEEN]] * len(QUERIES)


def test_two_classes_have_a_score_each() -> None:
    """A support vector machine has one distance for both."""
    z, q, w = hard_rows(8)
    head, rows = SupportVectors(unit_length=False), (z, q[:, :2] + q[:, 2:] * torch.tensor([1.0, 0.0]), w)
    theirs = SVC(kernel="linear").fit(z.numpy(), classes(rows[1]))
    np.testing.assert_array_equal(classes(logits(head, rows)), theirs.predict(QUERIES.numpy()))


def test_what_has_learned_a_task_can_be_kept() -> None:
    state = Logistic().fit(*hard_rows())
    torch.testing.assert_close(pickle.loads(pickle.dumps(state))(QUERIES), state(QUERIES))


def test_lengths_count_unless_they_are_taken_away() -> None:
    z, q, w = hard_rows()
    longer = 3 * QUERIES
    plain, unit = Logistic(unit_length=False), Logistic()
    torch.testing.assert_close(logits(unit, (z, q, w), longer), logits(unit, (z, q, w)))
    assert not torch.allclose(logits(plain, (z, q, w), longer), logits(plain, (z, q, w)), atol=1e-2)


def test_a_row_that_no_label_reaches_has_no_likelier_class() -> None:
    """Of two far pairs in a graph of one neighbour each only one has a label."""
    z = torch.tensor([[0.0], [0.1], [5.0], [5.1], [9.0], [9.1]]).double()
    q = torch.eye(2).double()[[0, 0, 1, 1, 0, 0]] * torch.tensor([1, 0, 1, 0, 0, 0]).unsqueeze(1)
    found = logits(
        Spreading(2, unit_length=False), (z, q, torch.ones(6).double()), torch.tensor([[9.05]]).double()
    )
    assert found[0, 0] == found[0, 1]


def test_mechanism_unlabelled_rows_lead_a_label_along_a_chain() -> None:
    """Two rows, and a chain of unlabelled ones from the first to beside the second: what lies at its end is of
    the first class with them, and of the second without."""
    z = torch.tensor([[0.0, 0.0], [10.0, 2.0]]).double()
    chain = torch.stack((torch.linspace(0, 10, 41), torch.zeros(41)), 1).double()
    asked, w, q = torch.tensor([[10.0, 0.05]]).double(), torch.ones(2).double(), torch.eye(2).double()
    head = Spreading(4, 0.8, unit_length=False)
    with_u = head.logits(head.fit_with_unlabelled(z, q, w, chain, torch.ones(41).double()), asked).softmax(1)
    without = logits(head, (z, q, w), asked).softmax(1)
    assert with_u[0, 0] > 0.9
    assert without[0, 0] <= 0.5
