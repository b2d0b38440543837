"""Reweighting: weights against inner products of gradients, image by image."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from metassl import compatibility
from metassl.data.pool import Pool
from metassl.errors import ConfigError
from metassl.ssl.base import SoftLabels
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.context import Context
from metassl.ssl.meta_learned.reweight import Reweight
from metassl.ssl.self_labelling.soft_kmeans import SoftKMeans
from tests.support.calls import outer_gradients
from tests.support.contexts import WAY, D, S, U, context
from tests.support.episodes import SPEC, episodes
from tests.support.learners import Smooth, gradient_learner, head_learner
from tests.support.networks import CHECKS, learner_of
from tests.support.numbers import close, random
from tests.support.objectives import learned_hparams, soft_kmeans


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
    objective = Reweight(soft_kmeans())
    learner = learner_of(gradient_learner, objective, Smooth, at="inner")
    learner.steps = 1
    task = episodes(tiny_pool, learner.ssl, 1)
    stored: list[Tensor] = []
    first = deepcopy(learner)
    inner = first.ssl.objective

    def keep(context: Context) -> SoftLabels:
        labels = Reweight.label(inner, context)
        assert labels is not None
        stored.append(labels.weight)
        return labels

    inner.label = keep
    one, _ = outer_gradients(first, task)
    # grad() wraps what is seen inside of it; the number is under the wrapping
    numbers = torch.tensor(torch.func.debug_unwrap(stored[0]).tolist(), dtype=torch.float64)
    fixed = learner.ssl.objective
    fixed.label = lambda given: SoftLabels(soft_kmeans().label(given).q, numbers, "plain")
    two, _ = outer_gradients(learner, task)
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("check", CHECKS)
def test_in_a_learner(tiny_pool: Pool, check: Callable) -> None:
    check(tiny_pool, gradient_learner, Reweight(soft_kmeans()))


@pytest.mark.parametrize("make", [Reweight, lambda objective: learned_hparams(Reweight(objective))])
def test_refuses_a_closed_form(make: Callable) -> None:
    """Also inside of another objective."""
    compatibility.check(learner_of(gradient_learner, make(soft_kmeans())), SPEC)
    with pytest.raises(ConfigError, match=r"^ssl: the objective asks .*\(HeadLearner\)") as caught:
        compatibility.check(learner_of(head_learner, make(soft_kmeans())), SPEC)
    assert "\n" not in str(caught.value)
