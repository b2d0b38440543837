"""Adaptation by gradient steps against a plain autograd loop, and what must and must not change it."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from metassl.data.pool import Pool
from metassl.errors import ConfigError
from metassl.inner.sgd import SGD
from metassl.learners.gradient.learner import GradientLearner
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.none import NoObjective
from metassl.ssl.self_labelling.soft_kmeans import SoftKMeans
from metassl.ssl.term import SSLTerm
from metassl.tasks.episode import Episode
from metassl.tasks.stage import CONTROL, TEST, Stage
from tests.engine.test_tasks import NORMS, Smooth, conv4, episodes, term
from tests.tasks import SPEC

TRAIN = Stage(training=True)
WEIGHT, FROM_STEP = 0.7, 1  # what `term` sets


def make(
    ssl: SSLTerm,
    norm: str = "batch",
    *,
    order: int = 2,
    steps: int = 2,
    test_steps: int | None = None,
    rates: int = 2,
    learned: bool = True,
    adapt: Sequence[str] = ("backbone.", "head."),
    make_backbone=conv4,
) -> GradientLearner:
    torch.manual_seed(0)
    inner = SGD(0.1, rates, learned)
    learner = GradientLearner(make_backbone(norm), ssl, SPEC, inner, steps, test_steps, order, adapt)
    with torch.no_grad():  # rates that differ, so that a mixed-up step shows
        inner.rates.copy_(torch.linspace(0.1, 0.3, rates))
    return learner.double()


def network(p: dict[str, Tensor], x: Tensor, norm: str) -> Tensor:
    """Conv4 and the linear head, written out; ReLU before the pooling as in the papers."""
    for k in range(4):
        at = f"backbone.blocks.{k}."
        x = F.conv2d(x, p[at + "conv.weight"], p[at + "conv.bias"], padding=1)
        if norm == "batch":
            x = F.batch_norm(x, None, None, p[at + "norm.weight"], p[at + "norm.bias"], training=True)
        else:
            x = F.group_norm(x, 4, p[at + "norm.norm.weight"], p[at + "norm.norm.bias"])
        x = F.max_pool2d(F.relu(x), 2)
    return F.linear(x.flatten(1), p["head.weight"], p["head.bias"])


def by_hand(
    theta: dict[str, Tensor], task: Episode, steps: int, norm: str, weight: float, order: int = 2
) -> dict[str, Tensor]:
    """φ by a plain loop of autograd."""
    rates = theta["inner.rates"]
    phi = {n: p for n, p in theta.items() if not n.startswith("inner.")}
    for k in range(steps):
        loss = F.cross_entropy(network(phi, task.support_x, norm), task.support_y)
        if weight and k >= FROM_STEP:
            one, two = (network(phi, task.unlabelled.views[v], norm).softmax(1) for v in ("first", "second"))
            loss = loss + weight * ((one - two) ** 2).sum(1).mean()
        found = torch.autograd.grad(loss, list(phi.values()), create_graph=order == 2)
        rate = rates[min(k, len(rates) - 1)]
        phi = {n: p - rate * g.detach() if order == 1 else p - rate * g
               for (n, p), g in zip(phi.items(), found, strict=True)}  # fmt: skip
    return phi


def assert_same(found, expected, tolerance: float = 1e-10) -> None:
    torch.testing.assert_close(dict(found), dict(expected), rtol=tolerance, atol=tolerance)


def outer_gradient(learner: GradientLearner, task: Episode, stage: Stage = TRAIN) -> dict[str, Tensor]:
    theta = {n: p for n, p in learner.theta().items() if p.requires_grad}
    loss, _ = learner.meta_loss(learner.theta(), task, stage)
    found = torch.autograd.grad(loss, list(theta.values()), materialize_grads=True)
    return dict(zip(theta, found, strict=True))


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("objective", [NoObjective, Consistency])
@pytest.mark.parametrize("norm", ["batch", "group"])
def test_adaptation_and_meta_gradient_against_a_plain_loop(
    tiny_pool: Pool, norm: str, objective, order: int
) -> None:
    ssl = term(objective(), at="inner")
    learner = make(ssl, norm, order=order, steps=3, rates=3)
    task = episodes(tiny_pool, ssl, 1).task(0)
    theta = learner.theta()
    weight = WEIGHT if objective is Consistency else 0.0
    phi = by_hand(theta, task, 3, norm, weight, order)
    assert_same(learner.adapt(theta, task, TRAIN).overlay, phi)

    logits = network(phi, task.query_x, norm)
    torch.testing.assert_close(learner.query_logits(theta, task, TRAIN), logits, rtol=1e-10, atol=1e-10)
    loss, scores = learner.meta_loss(theta, task, TRAIN)
    torch.testing.assert_close(loss, F.cross_entropy(logits, task.query_y), rtol=1e-10, atol=1e-10)
    assert scores["loss"] == loss
    assert scores["accuracy"] == (logits.argmax(1) == task.query_y).double().mean()
    expected = torch.autograd.grad(F.cross_entropy(logits, task.query_y), list(theta.values()))
    assert_same(outer_gradient(learner, task), dict(zip(theta, expected, strict=True)), 1e-9)


def test_unlabelled_images_wait_for_from_step(tiny_pool: Pool) -> None:
    """In the first inner step U has no part, in the second it has; a single step always sees it."""
    ssl = term(Consistency(), at="inner")
    task = episodes(tiny_pool, ssl, 1).task(0)
    for steps, same in ((1, [True, False]), (2, [True, True, False])):
        learner = make(ssl, steps=steps)
        paths = [
            learner.path(learner.theta(), task, replace(TRAIN, unlabelled=used)) for used in (True, False)
        ]
        pairs = zip(*paths, strict=True)
        assert [torch.equal(a["head.weight"], b["head.weight"]) for a, b in pairs] == same


def test_outer_penalty_is_that_of_the_adapted_predictor(tiny_pool: Pool) -> None:
    ssl = term(Consistency(), at="outer")
    learner = make(ssl)
    task = episodes(tiny_pool, ssl, 1).task(0)
    theta = learner.theta()
    phi = by_hand(theta, task, 2, "batch", 0.0)
    views = [network(phi, task.outer_unlabelled.views[v], "batch").softmax(1) for v in ("first", "second")]
    penalty = ((views[0] - views[1]) ** 2).sum(1).mean()
    plain = F.cross_entropy(network(phi, task.query_x, "batch"), task.query_y)
    loss, scores = learner.meta_loss(theta, task, TRAIN)
    torch.testing.assert_close(loss, plain + 0.3 * penalty, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(scores["loss"], plain, rtol=1e-10, atol=1e-10)  # what is logged is CE alone


def test_orders_differ_in_gradient_but_not_in_phi(tiny_pool: Pool) -> None:
    ssl = term(Consistency())
    task = episodes(tiny_pool, ssl, 1).task(0)
    first, second = make(ssl, order=1), make(ssl, order=2)
    one, two = (m.adapt(m.theta(), task, TRAIN).overlay for m in (first, second))
    assert_same(one, two, 1e-13)
    g1, g2 = outer_gradient(first, task), outer_gradient(second, task)
    name = "backbone.blocks.0.conv.weight"
    assert (g1[name] - g2[name]).norm() > 1e-3 * g2[name].norm()


def test_only_the_chosen_parameters_move(tiny_pool: Pool) -> None:
    ssl = term(NoObjective())
    task = episodes(tiny_pool, ssl, 1).task(0)
    learner = make(ssl, adapt=["head."])
    theta = learner.theta()
    overlay = learner.adapt(theta, task, TRAIN).overlay
    assert set(overlay) == {"head.weight", "head.bias"}
    assert all(not torch.equal(overlay[n], theta[n]) for n in overlay)
    # the outer loop still trains the rest
    assert all(outer_gradient(learner, task)[f"backbone.blocks.{k}.conv.weight"].any() for k in range(4))
    assert set(make(ssl).adapt(theta, task, TRAIN).overlay) == set(theta) - {"inner.rates"}


@pytest.mark.parametrize(("test_steps", "taken"), [(None, 2), (0, 0), (1, 1), (4, 4)])
def test_steps_at_test_and_rates_beyond_the_last(tiny_pool: Pool, test_steps: int | None, taken: int) -> None:
    ssl = term(NoObjective())
    task = episodes(tiny_pool, ssl, 1).task(0)
    learner = make(ssl, steps=2, test_steps=test_steps, rates=2)
    theta = learner.theta()
    assert_same(learner.adapt(theta, task, TRAIN).overlay, by_hand(theta, task, 2, "batch", 0.0))
    # by_hand takes the last rate for every step beyond it
    assert_same(learner.adapt(theta, task, TEST).overlay, by_hand(theta, task, taken, "batch", 0.0))


@pytest.mark.parametrize("objective", [Consistency, lambda: SoftKMeans(1)])
@pytest.mark.parametrize("norm", NORMS)
def test_control_is_the_same_learner_without_u(tiny_pool: Pool, norm: str, objective) -> None:
    ssl = term(objective())
    task = episodes(tiny_pool, ssl, 1).task(0)
    learner, plain = make(ssl, norm, test_steps=3), make(term(NoObjective()), norm, test_steps=3)
    theta = learner.theta()
    control = learner.query_logits(theta, task, CONTROL)
    assert torch.equal(control, plain.query_logits(plain.theta(), task, TEST))
    assert not torch.allclose(control, learner.query_logits(theta, task, TEST), atol=1e-6)


@pytest.mark.parametrize("norm", NORMS)
def test_order_of_the_support_makes_no_difference(tiny_pool: Pool, norm: str) -> None:
    ssl = term(SoftKMeans(1))
    task = episodes(tiny_pool, ssl, 1, shot=2).task(0)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    mixed = replace(task, support_x=task.support_x[order], support_y=task.support_y[order])
    learner = make(ssl, norm)
    found, expected = (learner.query_logits(learner.theta(), t, TEST) for t in (mixed, task))
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("objective", [Consistency, lambda: SoftKMeans(1)])
@pytest.mark.parametrize("norm", NORMS)
def test_names_of_the_labels_make_no_difference(tiny_pool: Pool, norm: str, objective) -> None:
    """Class c renamed to names[c], with the head's initial rows renamed alike, renames the logits."""
    ssl = term(objective())
    task = episodes(tiny_pool, ssl, 1).task(0)
    names = torch.tensor([2, 0, 1])
    learner = make(ssl, norm)
    theta = learner.theta()
    renamed = replace(task, support_y=names[task.support_y], query_y=names[task.query_y])
    moved = {n: p[names.argsort()] if n.startswith("head.") else p for n, p in theta.items()}
    expected = learner.query_logits(theta, task, TEST)
    found = learner.query_logits(moved, renamed, TEST)
    torch.testing.assert_close(found[:, names], expected, rtol=1e-9, atol=1e-10)


def test_gradient_of_the_rates_against_differences(tiny_pool: Pool) -> None:
    ssl = term(Consistency())
    task = episodes(tiny_pool, ssl, 1).task(0)
    learner = make(ssl, steps=3, rates=2, make_backbone=Smooth)
    theta = learner.theta()
    found = outer_gradient(learner, task)["inner.rates"]

    def loss(k: int, h: float) -> Tensor:
        moved = theta["inner.rates"].detach().clone()
        moved[k] += h
        return learner.meta_loss({**theta, "inner.rates": moved}, task, TRAIN)[0].detach()

    h = 1e-4
    slope = [(loss(k, -2 * h) - 8 * loss(k, -h) + 8 * loss(k, h) - loss(k, 2 * h)) / (12 * h) for k in (0, 1)]
    torch.testing.assert_close(found, torch.stack(slope), rtol=1e-8, atol=1e-10)


def test_fixed_rates_are_not_learned(tiny_pool: Pool) -> None:
    ssl = term(NoObjective())
    learner = make(ssl, learned=False)
    assert "inner.rates" not in outer_gradient(learner, episodes(tiny_pool, ssl, 1).task(0))


def test_moving_averages_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"backbone\.norm: found 'running'.*batch, group, support"):
        make(term(NoObjective()), "running")


@pytest.mark.parametrize("order", [0, 3])
def test_unknown_orders_are_refused(order: int) -> None:
    with pytest.raises(ConfigError, match=rf"model\.order: found {order}"):
        make(term(NoObjective()), order=order)
