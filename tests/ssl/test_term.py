"""Where, when and how strongly unlabelled images enter."""

import numpy as np
import pytest
import torch
from torch import Tensor

from metassl.errors import ConfigError
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.context import Context
from metassl.ssl.none import NoObjective
from metassl.ssl.term import SSLTerm
from metassl.tasks.stage import CONTROL, TEST, Stage
from tests.support.contexts import D, U, context
from tests.support.numbers import random, softmax
from tests.support.objectives import soft_kmeans
from tests.support.terms import make_term

TRAIN, TRAIN_CONTROL = Stage(training=True), Stage(training=True, unlabelled=False)
INNER, REFIT, OUTER = 0.7, 0.5, 0.3


def make(at: str, objective: SSLObjective | None = None, start: float = 0.0, ramp: float = 0.0) -> SSLTerm:
    return make_term(
        objective or Consistency(),
        at,
        weight=INNER,
        refit_weight=REFIT,
        outer_weight=OUTER,
        start=start,
        ramp=ramp,
    )


# at -> (inner and refit in training, inner and refit at test, outer in training); never anything else
PLACES = {
    "test": (False, True, False),
    "inner": (True, True, False),
    "outer": (False, False, True),
    "both": (True, True, True),
}


@pytest.mark.parametrize("at", PLACES)
def test_weights_by_place_and_stage(at: str) -> None:
    ssl = make(at)
    training, test, outer = PLACES[at]
    for stage, enters, enters_outer in (
        (TRAIN, training, outer), (TEST, test, False), (CONTROL, False, False), (TRAIN_CONTROL, False, False)
    ):  # fmt: skip
        assert ssl.inner_weight(stage) == (INNER if enters else 0)
        assert ssl.refit_weight(stage) == (REFIT if enters else 0)
        assert ssl.outer_weight(stage) == (OUTER if enters_outer else 0)


@pytest.mark.parametrize("at", PLACES)
def test_views_by_place(at: str) -> None:
    ssl = make(at)
    training, test, outer = PLACES[at]
    weak = {"first": "weak", "second": "weak"}
    assert ssl.inner_views(training=True) == (weak if training else {})
    assert ssl.inner_views(training=False) == (weak if test else {})
    assert ssl.outer_views(training=True) == (weak if outer else {})
    assert ssl.outer_views(training=False) == {}


@pytest.mark.parametrize("at", PLACES)
def test_an_objective_without_views_never_enters(at: str) -> None:
    ssl = make(at, NoObjective())
    for stage in (TRAIN, TEST, CONTROL):
        assert (ssl.inner_weight(stage), ssl.refit_weight(stage), ssl.outer_weight(stage)) == (0, 0, 0)
    assert not ssl.inner_views(True)
    assert not ssl.outer_views(True)


@pytest.mark.parametrize(
    ("start", "ramp", "progress", "share"),
    [
        (0.2, 0.4, 0.0, 0), (0.2, 0.4, 0.2, 0), (0.2, 0.4, 0.3, 0.25), (0.2, 0.4, 0.5, 0.75),
        (0.2, 0.4, 0.6, 1), (0.2, 0.4, 1.0, 1),
        (0.5, 0.0, 0.49, 0), (0.5, 0.0, 0.5, 1), (0.5, 0.0, 0.51, 1), (0.0, 0.0, 0.0, 1),
    ],
)  # fmt: skip
def test_ramp(start: float, ramp: float, progress: float, share: float) -> None:
    ssl = make("both", start=start, ramp=ramp)
    stage = Stage(training=True, progress=progress)
    found = [ssl.inner_weight(stage), ssl.refit_weight(stage), ssl.outer_weight(stage)]
    assert found == pytest.approx([w * share for w in (INNER, REFIT, OUTER)])
    if share == 0:
        assert found == [0.0, 0.0, 0.0]  # exactly, so that U costs nothing


def test_full_weight_at_test_whatever_the_ramp() -> None:
    assert make("test", start=0.7, ramp=0.1).inner_weight(TEST) == INNER


@pytest.mark.parametrize(("at", "nearest"), [("iner", "inner"), ("bothh", "both"), ("Outer", "outer")])
def test_unknown_place(at: str, nearest: str) -> None:
    with pytest.raises(ConfigError, match=rf"ssl\.at: found '{at}'\. Did you mean '{nearest}'\?") as caught:
        make(at)
    assert "\n" not in str(caught.value)


class Both(SSLObjective):
    """Labels with given weights, and a penalty of 0.25."""

    views = {"plain": "plain"}  # noqa: RUF012

    def __init__(self, q: Tensor, weight: Tensor) -> None:
        super().__init__()
        self.q, self.weight = q, weight

    def label(self, context: Context) -> SoftLabels:
        return SoftLabels(self.q, self.weight, "plain")

    def penalty(self, context: Context) -> Tensor:
        return torch.tensor(0.25, dtype=torch.float64)


def test_loss_against_numpy() -> None:
    """penalty + Σ_j w_j CE(f(u_j), q_j) / |U|, padding neither in the sum nor in |U|."""
    x, q = random(U, D), random(U, 3, seed=1).softmax(1)
    worth, present = torch.linspace(0, 1, U).double(), torch.ones(U).double()
    present[2] = present[5] = 0
    found = make("inner", Both(q, worth)).loss(context({"plain": x}, weight=present))
    p = softmax(x.numpy()[:, :3])
    each = [worth[j] * -sum(q[j, c] * np.log(p[j, c]) for c in range(3)) for j in range(U) if present[j]]
    assert float(found) == pytest.approx(0.25 + float(sum(each)) / 5, rel=1e-12)


def test_loss_of_one_kind_alone() -> None:
    views = {"first": random(U, D), "second": random(U, D, seed=1)}
    given = context(views)
    assert make("inner").loss(given) == Consistency().penalty(given)
    assert make("inner", NoObjective()).loss(given) == 0.0
    plain = context({"plain": random(U, D)})
    labels = make("inner", soft_kmeans())
    assert labels.penalty(plain) == 0.0
    assert labels.loss(plain) > 0
