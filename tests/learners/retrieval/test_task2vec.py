"""Task2Vec: its Fisher information, its summary and its distance, written out."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from metassl.backbones.base import Backbone
from metassl.learners.retrieval.distance import Probe
from metassl.learners.retrieval.task2vec import EPS, Task2Vec, expected_fisher
from tests.support.numbers import random
from tests.support.task_sets import ITEMS, D, memory, newcomer, place


class Layers(Backbone):
    """The names and shapes of the network below."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last, self.out_dim = nn.Linear(5, 5), nn.Linear(5, D), D


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
    given, distance = probe(), Task2Vec(Layers())
    assert distance.summary == D + D + D + 1
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
    given, distance = probe(), Task2Vec(Layers())
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
