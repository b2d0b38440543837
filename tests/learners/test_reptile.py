"""Reptile's outer gradient, and its inner Adam against torch's."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from metassl.data.pool import Pool
from metassl.inner.adam import Adam
from metassl.inner.base import InnerOptimizer
from metassl.inner.sgd import SGD
from metassl.learners.base import MetaLearner
from metassl.learners.gradient.reptile import Reptile
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.none import NoObjective
from metassl.ssl.term import SSLTerm
from metassl.tasks.stage import TEST
from tests.engine.test_tasks import conv4, episodes, term
from tests.learners.agreement import OBJECTIVES, TRAIN, assert_engines_agree, assert_padding_is_harmless
from tests.learners.test_gradient import WEIGHT, assert_same, network, outer_gradient
from tests.tasks import SPEC, random


def build(norm: str, ssl: SSLTerm, inner: InnerOptimizer | None = None) -> Reptile:
    torch.manual_seed(0)
    backbone = conv4(norm)
    chosen = inner or SGD(0.1, 1, learned=False)
    return Reptile(backbone, ssl, SPEC, chosen, 2, None, 1, ["backbone.", "head."]).double()


def with_adam(norm: str, ssl: SSLTerm) -> MetaLearner:
    return build(norm, ssl, Adam(0.01, 0.0, 0.999, 1e-8))


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
    _, scores = learner.outer_loss(theta, task, TRAIN)
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
    phi = learner.adapt(learner.theta(), task, TEST).overlay
    other = episodes(tiny_pool, ssl, 2).task(1)
    changed = type(task)(**{**vars(task), "query_x": other.query_x})
    assert_same(learner.adapt(learner.theta(), changed, TEST).overlay, phi, 0.0)


@pytest.mark.parametrize("beta1", [0.0, 0.9])
def test_adam_is_torchs(beta1: float) -> None:
    start, target = random(6), random(6, seed=1)
    ours, theirs = {"x": start}, start.clone().requires_grad_()
    adam = Adam(0.05, beta1, 0.99, 1e-8)
    state = adam.init(ours)
    reference = torch.optim.Adam([theirs], 0.05, (beta1, 0.99), 1e-8)
    for step in range(4):
        slope = 4 * (ours["x"] - target) ** 3
        ours, state = adam.update({"x": slope}, state, ours, step, torch.tensor(0.0))
        reference.zero_grad()
        ((theirs - target) ** 4).sum().backward()
        reference.step()
        torch.testing.assert_close(ours["x"], theirs.detach(), rtol=1e-9, atol=1e-12)


def test_adam_at_a_gradient_of_zero_has_finite_derivatives() -> None:
    adam = Adam(0.05, 0.0, 0.999, 1e-8)

    def after(slope: Tensor) -> Tensor:
        x = {"x": torch.zeros(2).double()}
        return adam.update({"x": slope}, adam.init(x), x, 0, slope.sum())[0]["x"].sum()

    assert torch.isfinite(torch.func.grad(after)(torch.tensor([0.0, 1.0]).double())).all()


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("make", [build, with_adam])
def test_engines_agree(tiny_pool: Pool, make, objective: str) -> None:
    assert_engines_agree(make, tiny_pool, "batch", objective)


def test_padding(tiny_pool: Pool) -> None:
    assert_padding_is_harmless(build, tiny_pool, "group")
