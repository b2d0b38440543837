"""Task2Vec: its Fisher information, its summary and its distance, written out."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from metassl.backbones.base import Backbone
from metassl.learners.retrieval.distance import Probe
from metassl.learners.retrieval.task2vec import EPS, Task2Vec, expected_fisher
from tests.support.numbers import random
from tests.support.task_sets import ITEMS, D, M, memory, newcomer, place


class Layers(Backbone):
    """The names and shapes of the network below."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last, self.out_dim = nn.Linear(5, 5), nn.Linear(5, D), D


def network(z: Tensor, p: dict[str, Tensor]) -> Tensor:
    """Rows -> features, through a layer with a norm over the batch, so that rows depend on each other."""
    z = torch.tanh(z @ p["backbone.first.weight"].T + p["backbone.first.bias"])
    z = torch.tanh(z @ p["backbone.last.weight"].T + p["backbone.last.bias"])
    return z / (1 + z.std(0))


X, WEIGHT = random(ITEMS, 5, seed=3), torch.tensor([1, 1, 1, 1, 1, 0]).double()


def theta(seed: int) -> dict[str, Tensor]:
    """What the backbone is at one moment of training."""
    return {"backbone.first.weight": random(5, 5, seed=seed), "backbone.first.bias": random(5, seed=seed + 1),
            "backbone.last.weight": random(D, 5, seed=seed + 2), "backbone.last.bias": random(D, seed=seed + 3)}  # fmt: skip


def probe(now: dict[str, Tensor]) -> Probe:
    labels = torch.eye(3).double().repeat(2, 1) * torch.tensor([1, 1, 1, 0, 0, 0]).double().unsqueeze(-1)
    features = lambda changed: network(X, {**now, **changed})  # noqa: E731
    return Probe(features, WEIGHT, labels, torch.ones(3, dtype=torch.bool))


def fixed(layers: int = 1) -> Task2Vec:
    """Its probe is the network of θ(0)."""
    made = Task2Vec(Layers(), layers).double()
    made.settle(theta(0), 0.5)
    return made


def test_fisher_against_gradients_of_each_row_and_label() -> None:
    params = {"backbone.last.weight": theta(0)["backbone.last.weight"], "head": random(3, D, seed=4)}

    def log_p(p: dict[str, Tensor]) -> Tensor:
        z = network(X, {**theta(0), **{k: v for k, v in p.items() if k != "head"}})
        return (z @ p["head"].T).log_softmax(-1)

    found = expected_fisher(log_p, params, WEIGHT)
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


@pytest.mark.parametrize("layers", [1, 2])
def test_summary_written_out(layers: int) -> None:
    """The filters of the last layers, under a head that is the softmax of the distances to the prototypes."""
    names = ["backbone.first.weight", "backbone.last.weight"][-layers:]

    def log_p(p: dict[str, Tensor]) -> Tensor:
        z = network(X, {**theta(0), **p})
        still = network(X, theta(0))
        means = still[:3]  # one support row a class
        scale = torch.cdist(still[:5], means).square().mean()
        return (-(z.unsqueeze(1) - means).square().sum(-1) / scale).log_softmax(-1)

    fisher = expected_fisher(log_p, {n: theta(0)[n] for n in names}, WEIGHT)
    expected = torch.cat([fisher[n].mean(1) for n in names])
    distance = fixed(layers)
    assert distance.summary == len(expected)
    torch.testing.assert_close(distance.summarise(probe(theta(0))), expected, rtol=1e-10, atol=1e-14)


def test_mechanism_the_probe_is_one_network_however_the_learner_moves() -> None:
    """The paper's fixed probe: the same task has the same Fisher at two moments of training, where that of the
    moving θ itself differs by more than half of its length."""
    one, other = fixed(), Task2Vec(Layers(), 1).double()
    other.settle(theta(20), 0.5)
    early, late, moving = (
        d.summarise(probe(now)) for d, now in ((one, theta(0)), (one, theta(20)), (other, theta(20)))
    )
    torch.testing.assert_close(early, late, rtol=1e-12, atol=0)
    assert (moving - early).norm() > 0.5 * early.norm()
    one.settle(theta(20), 0.9)  # it stays
    torch.testing.assert_close(one.summarise(probe(theta(20))), early, rtol=1e-12, atol=0)


def test_until_there_is_a_probe_all_tasks_are_as_far() -> None:
    distance = Task2Vec(Layers()).double()
    distance.settle(theta(0), 0.4)
    assert not distance.summarise(probe(theta(0))).any()
    stored = replace(memory(), summary=torch.zeros(M, 7).double())
    found = distance(newcomer(place(stored, 0)), stored)
    assert found.unique().numel() == 1
    found = distance(newcomer(place(memory(), 0)), stored)  # tasks stored before it are the farthest
    assert (found == 1).all()


def test_task2vec_does_not_know_the_names_of_the_classes() -> None:
    given, distance = probe(theta(0)), fixed()
    renamed = replace(given, labels=given.labels[:, [2, 0, 1]])
    torch.testing.assert_close(distance.summarise(renamed), distance.summarise(given), rtol=1e-10, atol=1e-14)


def test_task2vec_distance_against_numpy() -> None:
    stored, new = memory(), place(memory(1), 0)
    one, expected = new.summary.numpy(), []
    for other in stored.summary.numpy():
        a, b = one / (one + other + EPS), other / (one + other + EPS)
        expected.append(1 - a @ b / np.sqrt((a @ a) * (b @ b)))
    np.testing.assert_allclose(Task2Vec(Layers())(newcomer(new), stored).numpy(), expected, rtol=1e-10)
    same = Task2Vec(Layers())(newcomer(place(stored, 2)), stored)
    assert same[2] == pytest.approx(0, abs=1e-12)
    assert same.argmin() == 2
