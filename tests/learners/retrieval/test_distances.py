"""Each set distance against a second implementation, what must not change it, and the controls."""

from dataclasses import replace

import numpy as np
import ot
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from metassl.learners.retrieval.controls import Average, LabelledOnly, QueryLabelOracle, Random
from metassl.learners.retrieval.distance import TaskDistance, TaskSet
from metassl.learners.retrieval.mmd import MMD
from metassl.learners.retrieval.task2vec import Task2Vec
from metassl.learners.retrieval.wasserstein import Wasserstein
from tests.support.learners import conv4
from tests.support.numbers import random
from tests.support.task_sets import ITEMS, SETS, D, M, memory, newcomer, place


def real(task: TaskSet) -> np.ndarray:
    return task.rows[task.weight > 0].numpy()


def test_mmd_against_a_double_loop() -> None:
    stored, new = memory(), place(memory(1), 0)
    x = real(new)
    costs = [np.square(x[:, None] - real(place(stored, k))).sum(-1) for k in range(M)]
    width = 0.5 * np.mean([cost.mean() for cost in costs])

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return np.mean([np.exp(-((u - v) @ (u - v)) / width) for u in a for v in b])

    others = [real(place(stored, j)) for j in range(M)]
    expected = [k(x, x) - 2 * k(x, y) + k(y, y) for y in others]
    np.testing.assert_allclose(MMD(0.5)(newcomer(new), stored).numpy(), expected, rtol=1e-12)


def test_mmd_of_equal_sets_is_zero() -> None:
    stored = memory()
    found = MMD(1.0)(newcomer(place(stored, 1)), stored)
    assert found[1] == pytest.approx(0, abs=1e-14)
    assert (found[[0, 2, 3]] > 0.01).all()


def test_wasserstein_against_pot() -> None:
    stored, new = memory(), place(memory(1), 2)
    x = real(new)
    costs = [ot.dist(x, real(place(stored, k))) for k in range(M)]
    reg = 0.1 * np.mean([c.mean() for c in costs])
    plans = [
        ot.sinkhorn(np.full(len(c), 1 / len(c)), np.full(c.shape[1], 1 / c.shape[1]), c, reg) for c in costs
    ]
    found = Wasserstein(0.1, 300)(newcomer(new), stored).numpy()
    expected = [(p * c).sum() for p, c in zip(plans, costs, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    # and near the exact value for a small ε
    exact = [ot.emd2([], [], c) for c in costs]
    np.testing.assert_allclose(Wasserstein(0.1, 10).exact(newcomer(new), stored), exact, rtol=1e-10)
    np.testing.assert_allclose(Wasserstein(0.005, 3000)(newcomer(new), stored), exact, rtol=0.02)


def test_exact_wasserstein_is_the_best_assignment() -> None:
    """Of two sets with as many rows, without POT."""
    stored, new = memory(), place(memory(1), 1)
    cost = np.square(real(new)[:, None] - real(place(stored, 1))[None]).sum(-1)
    rows, columns = linear_sum_assignment(cost)
    found = Wasserstein(0.1, 1).exact(newcomer(new), stored)
    assert found[1].item() == pytest.approx(cost[rows, columns].mean(), rel=1e-10)


@pytest.mark.parametrize("distance", SETS, ids=lambda d: type(d).__name__)
def test_neither_order_nor_padding_matters(distance: TaskDistance) -> None:
    stored, new = memory(), place(memory(1), 0)
    expected = distance(newcomer(new), stored)
    order = torch.tensor([3, 1, 5, 0, 4, 2])
    mixed = TaskSet(new.rows[order], new.weight[order], new.labelled[order], new.summary)
    torch.testing.assert_close(distance(newcomer(mixed), stored), expected, rtol=1e-9, atol=1e-12)
    junk = replace(stored, rows=torch.where(stored.weight.unsqueeze(-1) > 0, stored.rows, 50.0))
    torch.testing.assert_close(distance(newcomer(new), junk), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("distance", SETS, ids=lambda d: type(d).__name__)
def test_empty_places_are_finite(distance: TaskDistance) -> None:
    empty = TaskSet(torch.zeros(M, ITEMS, D), *[torch.zeros(M, ITEMS)] * 2, torch.zeros(M, 0))
    small = place(memory(), 0)
    new = newcomer(TaskSet(*(x.float() for x in (small.rows, small.weight, small.labelled, small.summary))))
    assert distance.to(torch.float32)(new, empty).isfinite().all()
    distance.double()


def test_labelled_only_does_not_see_the_rest() -> None:
    stored, new = memory(), place(memory(1), 0)
    distance = LabelledOnly(MMD(0.5))
    expected = distance(newcomer(new), stored)
    hidden = (1 - new.labelled).unsqueeze(-1)
    other = replace(new, rows=new.rows + hidden * 3), replace(stored, rows=stored.rows - hidden * 2)
    assert torch.equal(distance(newcomer(other[0]), other[1]), expected)
    assert not torch.allclose(MMD(0.5)(newcomer(other[0]), other[1]), MMD(0.5)(newcomer(new), stored))
    assert not distance.reads_unlabelled


def test_controls_say_what_they_are() -> None:
    stored, new, losses = memory(), place(memory(1), 0), random(M).abs()
    assert torch.equal(QueryLabelOracle(1)(newcomer(new, losses), stored), losses)
    assert QueryLabelOracle(1).reads_queries
    assert not any(
        d.reads_queries
        for d in (*SETS, Average(), Random(), LabelledOnly(MMD(1.0)), Task2Vec(conv4("batch")))
    )
    draws = torch.rand(M)
    assert torch.equal(Random()(newcomer(new, draws=draws), stored), draws.double())
    assert not Average()(newcomer(new), stored).any()
