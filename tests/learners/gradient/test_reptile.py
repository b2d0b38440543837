"""Reptile's outer gradient, and what it leaves alone."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from metassl.data.pool import Pool
from metassl.engine.threads import Threads
from metassl.engine.vmap import Vmap
from metassl.inner.adam import Adam
from metassl.inner.base import InnerOptimizer
from metassl.learners.base import MetaLearner
from metassl.learners.gradient.mini_batches import Batches, draw_batches
from metassl.learners.gradient.reptile import InMiniBatches, Reptile, all_labelled
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.none import NoObjective
from metassl.ssl.term import SSLTerm
from metassl.tasks.stage import TEST
from tests.support.agreement import (
    assert_agree,
    assert_cut_is_same,
    assert_engines_agree,
    assert_padding_is_harmless,
)
from tests.support.by_hand import network
from tests.support.calls import TRAIN, adapt, outer_gradient, outer_loss
from tests.support.episodes import episodes, narrow, tasks_of
from tests.support.learners import Smooth, gradient_learner, sgd
from tests.support.numbers import assert_same, flat
from tests.support.objectives import OBJECTIVES
from tests.support.terms import WEIGHT, term


def build(
    norm: str, ssl: SSLTerm, inner: Callable[[], InnerOptimizer] | None = None, batch: int | None = None
) -> Reptile:
    given = inner or sgd(0.1, 1, learned=False)
    return gradient_learner(norm, ssl, 1, kind=Reptile, inner=given, batch=batch)


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


def test_each_step_sees_its_own_mini_batch(tiny_pool: Pool) -> None:
    """φ by a plain loop of autograd on 4 of the 9 labelled images, others at the second step."""
    learner = build("batch", term(NoObjective()), batch=4)
    task, theta = tasks_of(tiny_pool, learner, 1).task(0), learner.theta()
    phi = {n: p for n, p in theta.items() if p.requires_grad}
    x, y = torch.cat((task.support_x, task.query_x)), torch.cat((task.support_y, task.query_y))
    batches = draw_batches(torch.ones(9).double(), task.random.view(2, 4), 4)
    assert len(set(batches.rows.flatten().tolist())) == 8
    for rows in batches.rows:
        loss = F.cross_entropy(network(phi, x[rows], "batch"), y[rows])
        found = torch.autograd.grad(loss, list(phi.values()))
        phi = {n: p - learner.inner.rates[0] * g for (n, p), g in zip(phi.items(), found, strict=True)}
    assert_same(outer_gradient(learner, task), {n: (theta[n] - p).detach() for n, p in phi.items()})


def test_a_batch_of_all_images_is_none(tiny_pool: Pool) -> None:
    whole, learner = build("batch", term(NoObjective())), build("batch", term(NoObjective()), batch=9)
    task = tasks_of(tiny_pool, learner, 1).task(0)
    assert_same(outer_gradient(learner, task), outer_gradient(whole, task), 0.0)


def test_mechanism_fresh_batches_bring_their_gradients_together(tiny_pool: Pool) -> None:
    """Section 5.1: two steps on batches A and B, in either order, give θ - φ = α(g_A + g_B) - α²/2 ∇⟨g_A, g_B⟩ up
    to α³. The same batch each step has ∇‖g_A‖² there, which rewards nothing that generalises."""
    rate = 1e-3
    learner = gradient_learner(
        "group", term(NoObjective()), 1, Smooth, kind=Reptile, inner=sgd(rate, 1, learned=False)
    )
    task, theta = episodes(tiny_pool, learner.ssl, 1).task(0), learner.theta()
    start = {n: p for n, p in theta.items() if p.requires_grad}
    first, second = torch.tensor([0, 1, 2]), torch.tensor([3, 4, 5])

    def moved(*rows: Tensor) -> Tensor:
        batches = Batches(torch.stack(rows), torch.ones(2, 3).double())
        inner = InMiniBatches(whole, TRAIN, learner.anchor(whole, TRAIN), 2, batches=batches)
        *_, last = learner.loop(inner).run(start)
        return (flat(start) - flat(last.phi)).detach()

    whole = all_labelled(task)

    def slope(rows: Tensor) -> Tensor:
        loss = F.cross_entropy(learner.head(learner.backbone(whole.support_x[rows])), whole.support_y[rows])
        found = torch.autograd.grad(loss, list(start.values()), create_graph=True)
        return flat(dict(zip(start, found, strict=True)))

    def second_order(a: Tensor, b: Tensor) -> Tensor:
        found = torch.autograd.grad(a @ b, list(start.values()), retain_graph=True)
        return flat(dict(zip(start, found, strict=True))) / 2

    a, b = slope(first), slope(second)
    fresh = (moved(first, second) + moved(second, first)) / 2
    beyond = ((a + b).detach() - fresh / rate) / rate
    torch.testing.assert_close(beyond, second_order(a, b), rtol=0, atol=0.05 * float(beyond.abs().max()))
    same = ((2 * a).detach() - moved(first, first) / rate) / rate
    torch.testing.assert_close(same, second_order(a, a), rtol=0, atol=0.05 * float(same.abs().max()))
    assert (beyond - same).norm() > 0.5 * same.norm()


def test_engines_agree_on_the_batches(tiny_pool: Pool) -> None:
    learner = build("batch", term(Consistency()), batch=4)
    tasks = tasks_of(tiny_pool, learner, 3, way=[2, 3])
    assert tasks.padded
    assert_agree(learner, tasks, (Vmap(2), Threads(2)))


def test_padding_is_in_no_batch(tiny_pool: Pool) -> None:
    learner = build("group", term(NoObjective()), batch=4)
    assert_cut_is_same(learner, narrow(tasks_of(tiny_pool, learner, 8, way=[2, 3], shot=[1, 2])))


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("make", [build, with_adam])
def test_engines_agree(tiny_pool: Pool, make, objective: str) -> None:
    assert_engines_agree(make, tiny_pool, "batch", objective)


def test_padding(tiny_pool: Pool) -> None:
    assert_padding_is_harmless(build, tiny_pool, "group")
