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


def test_weights_against_numpy() -> None:
    x, s, q = random(U, D), random(S, D, seed=9), random(U, WAY, seed=5).softmax(-1)
    objective = weighting(soft_kmeans())
    found = objective.weights(context({"plain": x}, support=s), q, "plain")
    first, _, last = objective.relation
    w, b, v, c = (p.detach().numpy() for p in (first.weight, first.bias, last.weight[0], last.bias[0]))
    means = [s.numpy()[k::WAY].mean(0) for k in range(WAY)]
    for h, target, weight in zip(x.numpy(), q.numpy(), found.detach().numpy(), strict=True):
        hidden = [w @ np.concatenate((h, mean)) + b for mean in means]
        a = softmax(np.array([[v @ (z / (1 + np.exp(-z))) + c for z in hidden]]))[0]
        np.testing.assert_allclose(weight, WAY * (target * a).sum())


def test_weights_start_at_1_and_differ_later() -> None:
    given = context({"plain": 3 * random(U, D)})
    labels = soft_kmeans().label(given)
    fresh: Any = learned_weights(soft_kmeans()).double().label(given)
    close(fresh.weight.detach(), labels.weight)
    w = weighting(soft_kmeans()).weights(given, labels.q, "plain")
    assert ((w > 0) & (w < WAY)).all()
    assert w.std() > 1e-3


def test_a_missing_class_has_no_share() -> None:
    few, x = torch.tensor([True, True, False]), random(U, D)
    q = torch.eye(WAY).double()[torch.arange(U) % 2]
    objective = weighting(soft_kmeans())
    found = objective.related(context({"plain": x}, class_mask=few), "plain")
    assert (found[:, 2] == 0).all()
    close(objective.weights(context({"plain": x}, class_mask=few), q, "plain").detach(),
          (2 * (q * found).sum(-1)).detach())  # fmt: skip


@pytest.mark.parametrize("order", [[1, 2, 0], [0, 2, 1]])
def test_weights_name_no_class(order: list[int]) -> None:
    objective, x, q = weighting(soft_kmeans()), random(U, D), random(U, WAY, seed=5).softmax(-1)
    y = torch.arange(S) % WAY
    one = objective.weights(context({"plain": x}), q, "plain")
    back = torch.tensor(order).argsort()
    other = context({"plain": x}, support_y=back[y])
    close(objective.weights(other, q[:, order], "plain").detach(), one.detach())


def test_labels_are_the_wrapped_ones_at_another_weight() -> None:
    given = context({"plain": random(U, D)})
    objective = weighting(soft_kmeans())
    labels, inner = objective.label(given), soft_kmeans().label(given)
    close(labels.q, inner.q)
    w = objective.weights(given, inner.q, "plain")
    close(labels.weight.detach(), (inner.weight * w).detach())
    assert objective.penalty(given) is None


def test_a_penalty_weighs_its_images() -> None:
    views = {"first": random(U, D, seed=1), "second": random(U, D, seed=2)}
    base = torch.linspace(0, 1, U).double()
    objective, given = weighting(Consistency()), replace(context(views), policy=lambda _: base)
    w = objective.weights(given, given.predictions("first"), "first")
    w = (w * base).detach().numpy()
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
    learner = learner_of(
        gradient_learner, lambda features: learned_weights(wrapped, features), Smooth, at="inner"
    )
    learner.ssl.stop_gradient = False  # differences can't stop a gradient at the labels of the second step
    tasks = episodes(tiny_pool, learner.ssl, 2)
    found, slope, gradients = slope_along(learner, tasks, lambda n: n.startswith("ssl."))
    assert all(g.abs().max() > 0 for g in gradients.values())
    torch.testing.assert_close(found, slope, rtol=1e-7, atol=1e-11)


@pytest.mark.parametrize(
    "objective",
    [
        lambda features: learned_weights(soft_kmeans(), features),
        lambda features: learned_weights(Consistency(), features),
    ],
)
@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("make", MAKERS)
def test_in_a_learner(tiny_pool: Pool, make: Callable, check: Callable, objective: Callable) -> None:
    check(tiny_pool, make, objective)
