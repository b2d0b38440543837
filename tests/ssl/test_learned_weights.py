"""Learned weights and reweighting: what they see, and weights against inner products by loops."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from metassl.engine.outer import Unrolled
from torch import Tensor
from torch.nn import functional as F

from metassl.data.pool import Pool
from metassl.engine.loop import Loop
from metassl.errors import ConfigError
from metassl.ssl.base import SoftLabels
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.context import Context
from metassl.ssl.meta_learned.learned_weights import SoftWeighting, signs
from metassl.ssl.meta_learned.reweight import Reweight
from metassl.ssl.self_labelling.soft_kmeans import SoftKMeans
from tests.ssl.test_objectives import close, softmax
from tests.ssl.test_rotation import (
    CHECKS,
    MAKERS,
    TRAIN,
    Smooth,
    gradient_learner,
    learner_of,
    scramble,
    slope_along,
    tasks_of,
)
from tests.tasks import WAY, D, S, U, context, random


def weighting(objective: Any) -> Any:
    learned = SoftWeighting(objective, 5, 0.8)
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
    close(SoftWeighting(SoftKMeans(1), 5, 0.8).double().weights(given).detach(), np.full(U, 0.8))
    w = weighting(SoftKMeans(1)).weights(given)
    assert ((w > 0) & (w < 1)).all()
    assert w.std() > 1e-3


@pytest.mark.parametrize("order", [[1, 2, 0], [0, 2, 1]])
def test_weights_name_no_class(order: list[int]) -> None:
    objective, x = weighting(SoftKMeans(1)), random(U, D)
    y = torch.arange(S) % WAY
    one = objective.weights(context({"plain": x}))
    back = torch.tensor(order).argsort()
    other = context({"plain": x}, support_y=back[y], logits=lambda z, _: z[:, order])
    close(objective.weights(other).detach(), one.detach())


def test_labels_are_the_wrapped_ones_at_another_weight() -> None:
    given = context({"plain": random(U, D)})
    objective = weighting(SoftKMeans(1))
    labels, inner = objective.label(given), SoftKMeans(1).label(given)
    close(labels.q, inner.q)
    close(labels.weight.detach(), (inner.weight * objective.weights(given)).detach())
    assert objective.penalty(given) is None


def test_a_penalty_weighs_its_images() -> None:
    views = {"first": random(U, D, seed=1), "second": random(U, D, seed=2)}
    base = torch.linspace(0, 1, U).double()
    objective, given = weighting(Consistency()), context(views)
    given.policy = lambda _: base
    w = (objective.weights(given) * base).detach().numpy()
    p, q = (softmax(v.numpy()[:, :WAY]) for v in views.values())
    close(objective.penalty(given).detach(), (w * ((p - q) ** 2).sum(1)).sum() / w.sum())
    assert objective.label(given) is None
    assert not objective.labels


def test_what_the_wrapped_penalty_remembers_is_kept() -> None:
    class Remembering(Consistency):
        def penalty(self, context: Context) -> Tensor:
            context.remember((*context.memory, 1))
            return super().penalty(context)

    given = context({"first": random(U, D), "second": random(U, D)})
    weighting(Remembering()).penalty(given)
    assert given.memory == (1,)


@pytest.mark.parametrize("wrapped", [SoftKMeans(1), Consistency()])
def test_outer_gradient_by_differences(tiny_pool: Pool, wrapped: Any) -> None:
    objective = SoftWeighting(wrapped, 5, 0.8)
    learner = learner_of(gradient_learner, objective, Smooth, at="inner")
    learner.ssl.stop_gradient = False  # differences can't stop a gradient at the labels of the second step
    tasks = tasks_of(tiny_pool, objective, 2)
    found, slope, gradients = slope_along(learner, tasks, lambda n: n.startswith("ssl."))
    assert all(g.abs().max() > 0 for g in gradients.values())
    torch.testing.assert_close(found, slope, rtol=1e-7, atol=1e-11)


# Reweight


class Named(SoftKMeans):
    """Gives labels that the test names."""

    def __init__(self, q: Tensor, weight: Tensor) -> None:
        super().__init__(1)
        self.q, self.weight = q, weight

    def label(self, context: Context) -> SoftLabels:
        return SoftLabels(self.q, self.weight, "plain")


def linear(z: Tensor, params: Any) -> Tensor:
    return torch.tanh(z @ params["v"]) @ params["w"]


def linear_task(x: Tensor, **options: Any) -> Context:
    params = {"v": random(D, 5, seed=20), "w": random(5, WAY, seed=21)}
    return context({"plain": x}, logits=linear, params=params, **options)


def inner_products(given: Context, q: Tensor, weight: Tensor) -> np.ndarray:
    """[U] max(0, ⟨∇ℓ_j, ∇CE(S)⟩), image by image."""
    params = {n: p.clone().requires_grad_() for n, p in given.params.items()}
    s_weight, y = given.episode.support_weight, given.episode.support_y
    each = F.cross_entropy(linear(given.support_features(), params), y, reduction="none")
    g = torch.autograd.grad((s_weight * each).sum() / s_weight.sum(), list(params.values()))
    found = []
    for h, target, w in zip(given.features("plain"), q, weight, strict=True):
        loss = -w * (target * linear(h[None], params).log_softmax(-1)[0]).sum()
        gj = torch.autograd.grad(loss, list(params.values()))
        found.append(max(0.0, float(sum((a * b).sum() for a, b in zip(g, gj, strict=True)))))
    return np.array(found)


@pytest.mark.parametrize("padded", [[], [1, 4]])
def test_reweight_against_inner_products(padded: list[int]) -> None:
    q, worth = random(U, WAY, seed=5).mul(3).softmax(-1), torch.linspace(0.3, 1, U).double()
    weight, s_weight = torch.ones(U).double(), torch.tensor([1, 1, 1, 0, 1, 1]).double()
    weight[padded] = 0
    given = linear_task(random(U, D), weight=weight, support_weight=s_weight)
    labels = Reweight(Named(q, worth)).label(given)
    assert labels is not None
    products = inner_products(given, q, worth * weight)
    assert 0 < (products > 0).sum() < U
    close(labels.weight, worth.numpy() * products / products.sum() * float(weight.sum()))
    assert not labels.weight.requires_grad


def test_right_labels_are_worth_more_than_wrong_ones() -> None:
    """U repeats the support: with its own labels every image helps, with the next class's it hurts."""
    s = random(S, D, seed=9)
    y = torch.arange(S) % WAY
    right = torch.tensor([True, False] * (S // 2))
    q = torch.eye(WAY).double()[torch.where(right, y, (y + 1) % WAY)]
    labels = Reweight(Named(q, torch.ones(S).double())).label(linear_task(s, support=s))
    assert labels is not None
    assert labels.weight[right].mean() > 3 * labels.weight[~right].mean()


def test_nothing_helps_nothing_counts() -> None:
    """The one support image under labels that raise the loss on it: the weight is 0, and not NaN."""
    s = random(S, D, seed=9)
    task = linear_task(s[:1], support=s[:1], support_y=torch.zeros(1, dtype=torch.long))
    # the gradient of the cross-entropy against 2p - y is minus that against y
    opposed = 2 * task.logits("plain").softmax(-1) - torch.eye(WAY).double()[:1]
    labels = Reweight(Named(opposed, torch.ones(1).double())).label(task)
    assert labels is not None
    assert (labels.weight == 0).all()


def test_reweight_needs_labels() -> None:
    with pytest.raises(ConfigError, match="gives no labels"):
        Reweight(Consistency())


def test_weights_are_constants_of_the_inner_loss(tiny_pool: Pool) -> None:
    """The same outer gradient as with the very weights given as numbers, for one inner step from θ."""
    objective = Reweight(SoftKMeans(1))
    learner = learner_of(gradient_learner, objective, Smooth, at="inner")
    learner.steps = 1
    task = tasks_of(tiny_pool, objective, 1)
    stored: list[Tensor] = []
    first = deepcopy(learner)
    inner = first.ssl.objective

    def keep(context: Context) -> SoftLabels:
        labels = Reweight.label(inner, context)
        assert labels is not None
        stored.append(labels.weight)
        return labels

    inner.label = keep
    one, _ = Unrolled(Loop())(first, first.theta(), task, TRAIN)
    # grad() wraps what is seen inside of it; the number is under the wrapping
    numbers = torch.tensor(torch.func.debug_unwrap(stored[0]).tolist(), dtype=torch.float64)
    fixed = learner.ssl.objective
    fixed.label = lambda given: SoftLabels(SoftKMeans(1).label(given).q, numbers, "plain")
    two, _ = Unrolled(Loop())(learner, learner.theta(), task, TRAIN)
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(
    "objective",
    [
        lambda: SoftWeighting(SoftKMeans(1), 5, 0.8),
        lambda: SoftWeighting(Consistency(), 5, 0.8),
        lambda: Reweight(SoftKMeans(1)),
    ],
)
@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("make", MAKERS)
def test_in_a_learner(tiny_pool: Pool, make: Callable, check: Callable, objective: Callable) -> None:
    check(tiny_pool, make, objective())
