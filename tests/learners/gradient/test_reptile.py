"""Reptile's outer gradient, and what it leaves alone."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch.nn import functional as F

from metassl.data.pool import Pool
from metassl.inner.adam import Adam
from metassl.inner.base import InnerOptimizer
from metassl.learners.base import MetaLearner
from metassl.learners.gradient.reptile import Reptile
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.none import NoObjective
from metassl.ssl.term import SSLTerm
from metassl.tasks.stage import TEST
from tests.support.agreement import assert_engines_agree, assert_padding_is_harmless
from tests.support.by_hand import network
from tests.support.calls import TRAIN, adapt, outer_gradient, outer_loss
from tests.support.episodes import episodes
from tests.support.learners import gradient_learner, sgd
from tests.support.numbers import assert_same
from tests.support.objectives import OBJECTIVES
from tests.support.terms import WEIGHT, term


def build(norm: str, ssl: SSLTerm, inner: Callable[[], InnerOptimizer] | None = None) -> Reptile:
    return gradient_learner(norm, ssl, 1, kind=Reptile, inner=inner or sgd(0.1, 1, learned=False))


def with_adam(norm: str, ssl: SSLTerm) -> MetaLearner:
    return build(norm, ssl, partial(Adam, rate=0.01))


@pytest.mark.parametrize("objective", [NoObjective, Consistency])
def test_outer_gradient_is_theta_minus_phi(tiny_pool: Pool, objective) -> None:
    """φ by a plain loop of autograd on all labelled images."""
    ssl = term(objective(), at="inner")
    task, learner = episodes(tiny_pool, ssl, 1).task(0), build("batch", ssl)
    theta = learner.theta()
    phi = {n: p for n, p in theta.items() if p.requires_grad}
    x, y = torch.cat((task.support_x, task.query_x)), torch.cat((task.support_y, task.query_y))
    for step in range(2):
        loss = F.cross_entropy(network(phi, x, "batch"), y)
        if objective is Consistency and step > 0:
            views = [network(phi, v, "batch").softmax(1) for v in task.unlabelled.views.values()]
            loss = loss + WEIGHT * (views[0] - views[1]).square().sum(1).mean()
        found = torch.autograd.grad(loss, list(phi.values()))
        rate = theta["inner.rates"][0]
        phi = {n: p - rate * g for (n, p), g in zip(phi.items(), found, strict=True)}
    assert_same(outer_gradient(learner, task), {n: (theta[n] - p).detach() for n, p in phi.items()})
    _, scores = outer_loss(learner, task, TRAIN)
    logged = F.cross_entropy(network(phi, task.query_x, "batch"), task.query_y)
    torch.testing.assert_close(scores["loss"], logged.detach())


def test_parts_that_stay_get_no_gradient(tiny_pool: Pool) -> None:
    ssl = term(NoObjective())
    learner = build("batch", ssl)
    learner.prefixes = ("head.",)
    found = outer_gradient(learner, episodes(tiny_pool, ssl, 1).task(0))
    assert {n for n, g in found.items() if g.any()} == {"head.weight", "head.bias"}


def test_at_test_the_queries_are_not_seen(tiny_pool: Pool) -> None:
    ssl = term(NoObjective())
    learner, task = build("group", ssl), episodes(tiny_pool, ssl, 1).task(0)
    phi = adapt(learner, task, TEST).overlay
    other = episodes(tiny_pool, ssl, 2).task(1)
    changed = type(task)(**{**vars(task), "query_x": other.query_x})
    assert_same(adapt(learner, changed, TEST).overlay, phi, 0.0)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("make", [build, with_adam])
def test_engines_agree(tiny_pool: Pool, make, objective: str) -> None:
    assert_engines_agree(make, tiny_pool, "batch", objective)


def test_padding(tiny_pool: Pool) -> None:
    assert_padding_is_harmless(build, tiny_pool, "group")
