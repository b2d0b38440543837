"""Each distance against a second implementation, and what must not change it."""

from dataclasses import replace

import numpy as np
import ot
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional as F

from metassl.retrieval.base import Newcomer, Probe, TaskDistance, TaskSet
from metassl.retrieval.controls import Average, LabelledOnly, QueryLabelOracle, Random
from metassl.retrieval.learned import LearnedMetric
from metassl.retrieval.mmd import MMD
from metassl.retrieval.task2vec import EPS, Task2Vec, expected_fisher
from metassl.retrieval.wasserstein import Wasserstein
from tests.tasks import random

M, ITEMS, D = 4, 6, 3


def memory(seed: int = 0) -> TaskSet:
    """Four tasks of 5, 6, 4 and 3 rows, the first two of each labelled."""
    weight = (torch.arange(ITEMS) < torch.tensor([5, 6, 4, 3])[:, None]).double()
    labelled = (torch.arange(ITEMS) < 2).double().expand(M, ITEMS)
    return TaskSet(random(M, ITEMS, D, seed=seed), weight, labelled, random(M, 7, seed=seed).square())


def newcomer(task: TaskSet, losses: Tensor | None = None, draws: Tensor | None = None) -> Newcomer:
    losses = torch.zeros(M).double() if losses is None else losses
    return Newcomer(task, torch.zeros(0) if draws is None else draws, lambda places, steps: losses[places])


def place(stored: TaskSet, k: int) -> TaskSet:
    return TaskSet(stored.rows[k], stored.weight[k], stored.labelled[k], stored.summary[k])


def learned() -> LearnedMetric:
    torch.manual_seed(0)
    metric = LearnedMetric(hidden=8, size=4, candidates=2, steps=0, weight=1.0)
    metric.bind(D, {})
    return metric.double()


SETS: list[TaskDistance] = [MMD(0.5), Wasserstein(0.1, 30), learned()]


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
    assert not any(d.reads_queries for d in (*SETS, Average(), Random(), LabelledOnly(MMD(1.0)), Task2Vec()))
    draws = torch.rand(M)
    assert torch.equal(Random()(newcomer(new, draws=draws), stored), draws.double())
    assert not Average()(newcomer(new), stored).any()


def network(z: Tensor, p: dict[str, Tensor]) -> Tensor:
    """Rows -> log p(c|x), through a layer with a norm over the batch, so that rows depend on each other."""
    z = torch.tanh(z @ p["backbone.last.weight"].T + p["backbone.last.bias"])
    return z / (1 + z.std(0))


def probe(labels: Tensor | None = None) -> Probe:
    params = {"backbone.first.weight": random(5, 5), "backbone.first.bias": random(5),
              "backbone.last.weight": random(D, 5, seed=1), "backbone.last.bias": random(D, seed=2)}  # fmt: skip
    x = random(ITEMS, 5, seed=3)
    weight = torch.tensor([1, 1, 1, 1, 1, 0]).double()
    if labels is None:
        labels = torch.eye(3).double().repeat(2, 1) * torch.tensor([1, 1, 1, 0, 0, 0]).double().unsqueeze(-1)
    features = lambda changed: network(x, {**params, **changed})  # noqa: E731
    return Probe(features, params, features({}), weight, labels, torch.ones(3, dtype=torch.bool))


def test_fisher_against_gradients_of_each_row_and_label() -> None:
    given = probe()
    params = {"backbone.last.weight": given.params["backbone.last.weight"], "head": random(3, D, seed=4)}

    def log_p(p: dict[str, Tensor]) -> Tensor:
        z = given.features({k: v for k, v in p.items() if k != "head"})
        return (z @ p["head"].T).log_softmax(-1)

    found = expected_fisher(log_p, params, given.weight)
    learned = {name: p.clone().requires_grad_() for name, p in params.items()}
    total = {name: torch.zeros_like(p) for name, p in params.items()}
    for i in range(5):  # the sixth has weight 0
        for c in range(3):
            value = log_p(learned)[i, c]
            gradients = torch.autograd.grad(value, list(learned.values()))
            for name, g in zip(learned, gradients, strict=True):
                total[name] += value.exp().detach() * g.square() / 5
    for name in params:
        torch.testing.assert_close(found[name], total[name], rtol=1e-10, atol=1e-14)


def test_task2vec_summary_written_out() -> None:
    """The last layer's filters one by one, then the fitted head with its classes averaged."""
    given, distance = probe(), Task2Vec()
    assert distance.bind(D, given.params) == D + D + D + 1
    means = given.rows[:3]  # one support row a class
    squared = torch.cdist(given.rows[:5], means).square()
    head = {"weight": 2 * means / squared.mean(), "bias": -means.square().sum(-1) / squared.mean()}
    torch.testing.assert_close(
        F.linear(given.rows[:5], head["weight"], head["bias"]).softmax(-1),
        (-squared / squared.mean()).softmax(-1),
    )
    params = {n: given.params[n] for n in ("backbone.last.weight", "backbone.last.bias")}
    fisher = expected_fisher(
        lambda p: F.linear(given.features({n: v for n, v in p.items() if "backbone" in n}), p["w"], p["b"]).log_softmax(-1),
        {**params, "w": head["weight"], "b": head["bias"]},
        given.weight,
    )  # fmt: skip
    parts = (
        fisher["backbone.last.weight"].mean(1),
        fisher["backbone.last.bias"],
        fisher["w"].mean(0),
        fisher["b"].mean(0, keepdim=True),
    )
    torch.testing.assert_close(distance.summarise(given), torch.cat(parts), rtol=1e-10, atol=1e-14)


def test_task2vec_does_not_know_the_names_of_the_classes() -> None:
    given, distance = probe(), Task2Vec()
    distance.bind(D, given.params)
    renamed = replace(given, labels=given.labels[:, [2, 0, 1]])
    torch.testing.assert_close(distance.summarise(renamed), distance.summarise(given), rtol=1e-10, atol=1e-14)


def test_task2vec_distance_against_numpy() -> None:
    stored, new = memory(), place(memory(1), 0)
    one, expected = new.summary.numpy(), []
    for other in stored.summary.numpy():
        a, b = one / (one + other + EPS), other / (one + other + EPS)
        expected.append(1 - a @ b / np.sqrt((a @ a) * (b @ b)))
    np.testing.assert_allclose(Task2Vec()(newcomer(new), stored).numpy(), expected, rtol=1e-10)
    same = Task2Vec()(newcomer(place(stored, 2)), stored)
    assert same[2] == pytest.approx(0, abs=1e-12)
    assert same.argmin() == 2


def test_learned_metric_finds_what_helps_transfer() -> None:
    """Planted: tasks transfer by feature 0; the others mean nothing."""
    generator = torch.Generator().manual_seed(1)

    def tasks(count: int) -> tuple[TaskSet, Tensor]:
        kind = torch.rand(count, generator=generator).double()
        rows = torch.randn(count, 1, D, generator=generator) + 0.3 * torch.randn(
            count, ITEMS, D, generator=generator
        )
        rows[..., 0] += 2 * kind.unsqueeze(-1) - rows[..., 0].mean(1, keepdim=True)
        return TaskSet(rows.double(), *[torch.ones(count, ITEMS).double()] * 2, torch.zeros(count, 0)), kind

    stored, kinds = tasks(16)
    torch.manual_seed(0)
    metric = LearnedMetric(hidden=16, size=4, candidates=8, steps=0, weight=1.0).double()
    metric.bind(D, {})
    metric.double()
    optimizer = torch.optim.Adam(metric.parameters(), 0.01)
    agreed, losses = [], []
    for step in range(250):
        batch, kind = tasks(1)
        gap = (kinds - kind).abs()
        new = newcomer(place(batch, 0), gap, torch.rand(8, generator=generator).double())
        loss = metric.loss(new, stored, torch.tensor(16))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if step < 30 or step >= 220:
            d = metric(new, stored).detach()
            better = gap.unsqueeze(1) < gap.unsqueeze(0)
            agreed.append((d.unsqueeze(1) < d.unsqueeze(0))[better].double().mean().item())
    assert np.mean(losses[-30:]) < 0.3 * np.mean(losses[:30])
    assert np.mean(agreed[-30:]) > 0.9 > np.mean(agreed[:30]) + 0.1


def test_ranking_loss_written_out() -> None:
    metric, stored, new = learned(), memory(), place(memory(1), 0)
    losses = torch.tensor([0.3, 0.9, 0.1, 0.5]).double()
    d = metric(newcomer(new), stored)
    # the draws 0.6 and 0.1 of 3 stored tasks are the places 1 and 0
    asked = newcomer(new, losses, torch.tensor([0.6, 0.1]).double())
    expected = F.softplus(d[0] - d[1])  # 0 is the better start
    torch.testing.assert_close(metric.loss(asked, stored, torch.tensor(3)), expected)
    # the same place twice: nothing to rank
    twice = newcomer(new, losses, torch.tensor([0.6, 0.5]).double())
    assert metric.loss(twice, stored, torch.tensor(3)) == 0
