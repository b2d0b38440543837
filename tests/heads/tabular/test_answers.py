"""Plain classifiers in closed form, against scikit-learn, against themselves without a row, and where they shine.

Legend: n rows, m items, N way, D columns.
"""

from typing import Any

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.nn import functional as F

from metassl.heads.tabular.answers.centres import Prototypes
from metassl.heads.tabular.answers.forest import Forest
from metassl.heads.tabular.answers.linear import Logistic
from metassl.heads.tabular.answers.near import KernelRidge, NearRows
from metassl.heads.tabular.answers.rows import Answer, rows_of
from metassl.heads.tabular.answers.spreading import Spreading
from metassl.heads.tabular.answers.tree_graph import TreeGraph
from tests.support.numbers import random

WAY, D = 3, 5
Given = tuple[Tensor, Tensor, Tensor]


def labelled(n: int = 24, free: int = 12) -> Given:
    """Rows of three overlapping classes, of the last `free` of which no label is known."""
    y = torch.arange(n + free) % WAY
    z = random(n + free, D) + 1.2 * random(WAY, D, seed=1)[y]
    q = F.one_hot(y, WAY).double()
    q[n:] = 0
    return z, q, torch.ones(n + free).double()


def asked(answer: Answer, given: Given, z: Tensor) -> Any:
    rows = rows_of(*given)
    return answer.ask(answer.fit(rows)[1], rows.place(z))


def right(answer: Answer, given: Given, z: Tensor, y: Tensor) -> float:
    """Accuracy on rows that are asked."""
    return float((asked(answer, given, z)[0].argmax(1) == y).double().mean())


@pytest.mark.parametrize("strength", [0.1, 1.0, 10.0])
def test_logistic_regression_is_scikit_learns(strength: float) -> None:
    given, x = labelled(free=0), random(9, D, seed=2)
    theirs = LogisticRegression(C=1 / strength, tol=1e-8, max_iter=1000).fit(given[0], given[1].argmax(1))
    ours = asked(Logistic((strength,), steps=300), given, x)[0].softmax(-1)
    torch.testing.assert_close(ours, torch.tensor(theirs.predict_proba(x)), rtol=0, atol=1e-3)


def test_its_few_steps_are_nearly_the_solution() -> None:
    given, x = labelled(), random(9, D, seed=2)
    few, many = (asked(Logistic((1.0, 10.0), steps=steps), given, x).softmax(-1) for steps in (40, 400))
    torch.testing.assert_close(few, many, rtol=0, atol=0.002)


@pytest.mark.parametrize("answer", [NearRows(), Spreading(), TreeGraph()], ids=lambda a: type(a).__name__)
def test_a_rows_own_logits_are_those_without_its_label(answer: Answer) -> None:
    """Fitted again with that row among the unlabelled ones, which has the same answer to the last digit."""
    z, q, w = labelled()
    own, _ = answer.fit(rows_of(z, q, w))
    for i in (0, 7):
        less = q.clone()
        less[i] = 0
        again, _ = answer.fit(rows_of(z, less, w))
        torch.testing.assert_close(own[:, i], again[:, i])


@pytest.mark.parametrize(
    "answer", [Logistic((1.0, 10.0)), KernelRidge(), Prototypes()], ids=lambda a: type(a).__name__
)
def test_where_they_are_approximate_they_are_far_nearer_than_with_the_label(answer: Answer) -> None:
    z, q, w = labelled()
    rows = rows_of(z, q, w)
    own, state = answer.fit(rows)
    told = answer.ask(state, rows.items).softmax(-1)
    off, naive = [], []
    for i in range(12):
        less = q.clone()
        less[i] = 0
        truth = answer.fit(rows_of(z, less, w))[0][:, i].softmax(-1)
        off.append((own[:, i].softmax(-1) - truth).abs().mean())
        naive.append((told[:, i] - truth).abs().mean())
    assert sum(off) < 0.5 * sum(naive)


def test_mechanism_a_forest_cuts_where_a_line_can_not() -> None:
    """The class is whether one column is near its middle; four others say nothing."""
    z = random(120, 5)
    y = (z[:, 0].abs() < 0.67).long()
    given = z[:60], F.one_hot(y[:60], 2).double(), torch.ones(60).double()
    forest, line = (right(answer, given, z[60:], y[60:]) for answer in (Forest(), Logistic((1.0,))))
    assert forest > 0.85
    assert line < 0.65


def test_mechanism_unlabelled_rows_move_the_centres() -> None:
    """One label at the same side of each of two clusters: by it alone many rows go wrong."""
    y = torch.arange(160) % 2
    z = random(160, 2) * torch.tensor([0.7, 0.3]) + torch.tensor([3.0, 0.0]) * y.unsqueeze(1)
    assert gain(Prototypes(rounds=3), z, y, torch.tensor([[1.5, 0.0], [4.1, 0.0]])) > 0.1


def test_mechanism_labels_spread_along_the_unlabelled_rows() -> None:
    """Two half circles, each inside the other, with a label at one end of each."""
    y, turn = torch.arange(160) % 2, torch.linspace(0, torch.pi, 160).double()
    z = torch.stack((turn.cos(), turn.sin()), dim=1) * torch.where(y == 0, 1, -1).unsqueeze(1)
    z = z + torch.tensor([1.0, 0.4]) * y.unsqueeze(1) + 0.03 * random(160, 2)
    assert gain(Spreading((0.95,)), z, y, z[:2]) > 0.1


def gain(answer: Answer, z: Tensor, y: Tensor, ends: Tensor) -> float:
    """What U is worth: accuracy with labelled `ends` of two classes and all rows as U, less that without U."""
    q, ends = F.one_hot(torch.tensor([0, 1]), 2).double(), ends.double()
    alone = ends, q, torch.ones(2).double()
    n = len(z)
    beside = torch.cat((ends, z)), torch.cat((q, torch.zeros(n, 2).double())), torch.ones(2 + n).double()
    return right(answer, beside, z, y) - right(answer, alone, z, y)


def test_mechanism_whitened_columns_show_what_varies_little() -> None:
    """The class is in a narrow direction; nine wide ones say nothing."""
    y = torch.arange(120) % 2
    z = 3 * random(120, 10)
    z[:, 0] = 0.4 * z[:, 0] / 3 + y
    q = F.one_hot(y, 2).double()
    q[40:] = 0
    given = z, q, torch.ones(120).double()
    plain, whitened = (right(Prototypes(whitened=w), given, z[40:], y[40:]) for w in (False, True))
    assert whitened > plain + 0.1


@pytest.mark.parametrize(
    "answer", [Logistic(), Logistic((1.0,), trained_on_own=True), KernelRidge(), NearRows(), Prototypes(),
               Prototypes(whitened=True), Spreading(), Forest(), TreeGraph()], ids=lambda a: type(a).__name__
)  # fmt: skip
def test_order_of_columns_is_of_no_influence(answer: Answer) -> None:
    (z, q, w), x = labelled(), random(9, D, seed=2)
    order = torch.tensor([3, 0, 4, 1, 2])
    more = torch.cat((z[:, order], torch.full_like(z[:, :2], 7)), dim=1)
    wide = torch.cat((x[:, order], torch.full_like(x[:, :2], 7)), dim=1)
    found = asked(answer, (more, q, w), wide).softmax(-1)
    torch.testing.assert_close(found, asked(answer, (z, q, w), x).softmax(-1), rtol=1e-6, atol=1e-6)
