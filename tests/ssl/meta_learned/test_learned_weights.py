"""Learned weights: what they see, where they start, and that the outer loop learns them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from metassl.data.pool import Pool
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.context import Context, Memory
from metassl.ssl.meta_learned.learned_weights import signs
from tests.support.contexts import WAY, D, S, U, advanced, context
from tests.support.differences import slope_along
from tests.support.episodes import episodes
from tests.support.learners import Smooth, gradient_learner, scramble
from tests.support.networks import CHECKS, MAKERS, learner_of
from tests.support.numbers import close, random, softmax
from tests.support.objectives import learned_weights, soft_kmeans


def weighting(objective: Any) -> Any:
    learned = learned_weights(objective)
    scramble(learned)
    return learned.double()


def test_signs_against_numpy() -> None:
    x, s = random(U, D), random(S, D, seed=9)
    found = signs(context({"plain": x}, support=s)).numpy()
    p = softmax(x.numpy()[:, :WAY])
    means = np.stack([s.numpy()[c::WAY].mean(0) for c in range(WAY)])
    near = np.array([min(np.sum((h - m) ** 2) for m in means) for h in x.numpy()])
    ordered = np.sort(p, 1)
    close(torch.tensor(found[:, 0]), p.max(1))
    close(torch.tensor(found[:, 1]), -(p * np.log(p)).sum(1) / np.log(WAY))
    close(torch.tensor(found[:, 2]), ordered[:, -1] - ordered[:, -2])
    close(torch.tensor(found[:, 3]), near / near.mean())


def test_weights_lie_in_0_to_1_and_start_equal() -> None:
    given = context({"plain": 3 * random(U, D)})
    close(learned_weights(soft_kmeans()).double().weights(given).detach(), np.full(U, 0.8))
    w = weighting(soft_kmeans()).weights(given)
    assert ((w > 0) & (w < 1)).all()
    assert w.std() > 1e-3


@pytest.mark.parametrize("order", [[1, 2, 0], [0, 2, 1]])
def test_weights_name_no_class(order: list[int]) -> None:
    objective, x = weighting(soft_kmeans()), random(U, D)
    y = torch.arange(S) % WAY
    one = objective.weights(context({"plain": x}))
    back = torch.tensor(order).argsort()
    other = context({"plain": x}, support_y=back[y], logits=lambda z, _: z[:, order])
    close(objective.weights(other).detach(), one.detach())


def test_labels_are_the_wrapped_ones_at_another_weight() -> None:
    given = context({"plain": random(U, D)})
    objective = weighting(soft_kmeans())
    labels, inner = objective.label(given), soft_kmeans().label(given)
    close(labels.q, inner.q)
    close(labels.weight.detach(), (inner.weight * objective.weights(given)).detach())
    assert objective.penalty(given) is None


def test_a_penalty_weighs_its_images() -> None:
    views = {"first": random(U, D, seed=1), "second": random(U, D, seed=2)}
    base = torch.linspace(0, 1, U).double()
    objective, given = weighting(Consistency()), replace(context(views), policy=lambda _: base)
    w = (objective.weights(given) * base).detach().numpy()
    p, q = (softmax(v.numpy()[:, :WAY]) for v in views.values())
    close(objective.penalty(given).detach(), (w * ((p - q) ** 2).sum(1)).sum() / w.sum())
    assert objective.label(given) is None
    assert not objective.labels


def test_what_the_wrapped_penalty_remembers_is_kept() -> None:
    seen: list[object] = []

    class Remembering(Consistency):
        def remember(self, context: Context) -> Memory:
            return {"steps": (*context.memory.get("steps", ()), context.step)}

        def penalty(self, context: Context) -> Tensor:
            seen.append(context.memory["steps"])
            return super().penalty(context)

    objective, given = weighting(Remembering()), context({"first": random(U, D), "second": random(U, D)})
    for step in range(2):
        given = advanced(objective, replace(given, step=step))
        objective.penalty(given)
    assert given.memory == {"steps": (0, 1)}
    assert seen == [(0,), (0, 1)]


@pytest.mark.parametrize("wrapped", [soft_kmeans(), Consistency()])
def test_outer_gradient_by_differences(tiny_pool: Pool, wrapped: Any) -> None:
    objective = learned_weights(wrapped)
    learner = learner_of(gradient_learner, objective, Smooth, at="inner")
    learner.ssl.stop_gradient = False  # differences can't stop a gradient at the labels of the second step
    tasks = episodes(tiny_pool, learner.ssl, 2)
    found, slope, gradients = slope_along(learner, tasks, lambda n: n.startswith("ssl."))
    assert all(g.abs().max() > 0 for g in gradients.values())
    torch.testing.assert_close(found, slope, rtol=1e-7, atol=1e-11)


@pytest.mark.parametrize(
    "objective", [lambda: learned_weights(soft_kmeans()), lambda: learned_weights(Consistency())]
)
@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("make", MAKERS)
def test_in_a_learner(tiny_pool: Pool, make: Callable, check: Callable, objective: Callable) -> None:
    check(tiny_pool, make, objective())
