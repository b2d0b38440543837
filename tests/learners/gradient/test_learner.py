"""Adaptation by gradient steps against a plain autograd loop, and what must and must not change it."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from metassl.compatibility import check
from metassl.data.pool import Pool
from metassl.errors import ConfigError
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.none import NoObjective
from metassl.tasks.stage import CONTROL, TEST
from tests.support.by_hand import by_hand, network
from tests.support.calls import TRAIN, adapt, inner_path, meta_loss, outer_gradient, query_logits
from tests.support.differences import slope
from tests.support.episodes import SPEC, episodes
from tests.support.learners import NORMS, Smooth, maml
from tests.support.numbers import assert_same
from tests.support.objectives import soft_kmeans
from tests.support.terms import WEIGHT, term


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("objective", [NoObjective, Consistency])
@pytest.mark.parametrize("norm", ["batch", "group"])
def test_adaptation_and_meta_gradient_against_a_plain_loop(
    tiny_pool: Pool, norm: str, objective, order: int
) -> None:
    ssl = term(objective(), at="inner")
    learner = maml(ssl, norm, order=order, steps=3, rates=3)
    task = episodes(tiny_pool, ssl, 1).task(0)
    theta = learner.theta()
    weight = WEIGHT if objective is Consistency else 0.0
    phi = by_hand(theta, task, 3, norm, weight, order)
    assert_same(adapt(learner, task, TRAIN).overlay, phi)

    logits = network(phi, task.query_x, norm)
    torch.testing.assert_close(query_logits(learner, task, TRAIN), logits, rtol=1e-10, atol=1e-10)
    loss, scores = meta_loss(learner, task, TRAIN)
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
        learner = maml(ssl, steps=steps)
        paths = [inner_path(learner, task, replace(TRAIN, unlabelled=used)) for used in (True, False)]
        pairs = zip(*paths, strict=True)
        assert [torch.equal(a["head.weight"], b["head.weight"]) for a, b in pairs] == same


def test_outer_penalty_is_that_of_the_adapted_predictor(tiny_pool: Pool) -> None:
    ssl = term(Consistency(), at="outer")
    learner = maml(ssl)
    task = episodes(tiny_pool, ssl, 1).task(0)
    theta = learner.theta()
    phi = by_hand(theta, task, 2, "batch", 0.0)
    views = [network(phi, task.outer_unlabelled.views[v], "batch").softmax(1) for v in ("first", "second")]
    penalty = ((views[0] - views[1]) ** 2).sum(1).mean()
    plain = F.cross_entropy(network(phi, task.query_x, "batch"), task.query_y)
    loss, scores = meta_loss(learner, task, TRAIN)
    torch.testing.assert_close(loss, plain + 0.3 * penalty, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(scores["loss"], plain, rtol=1e-10, atol=1e-10)  # what is logged is CE alone


def test_orders_differ_in_gradient_but_not_in_phi(tiny_pool: Pool) -> None:
    ssl = term(Consistency())
    task = episodes(tiny_pool, ssl, 1).task(0)
    first, second = maml(ssl, order=1), maml(ssl, order=2)
    one, two = (adapt(m, task, TRAIN).overlay for m in (first, second))
    assert_same(one, two, 1e-13)
    g1, g2 = outer_gradient(first, task), outer_gradient(second, task)
    name = "backbone.blocks.0.conv.weight"
    assert (g1[name] - g2[name]).norm() > 1e-3 * g2[name].norm()


def test_only_the_chosen_parameters_move(tiny_pool: Pool) -> None:
    ssl = term(NoObjective())
    task = episodes(tiny_pool, ssl, 1).task(0)
    learner = maml(ssl, adapt=["head."])
    theta = learner.theta()
    overlay = adapt(learner, task, TRAIN).overlay
    assert set(overlay) == {"head.weight", "head.bias"}
    assert all(not torch.equal(overlay[n], theta[n]) for n in overlay)
    # the outer loop still trains the rest
    assert all(outer_gradient(learner, task)[f"backbone.blocks.{k}.conv.weight"].any() for k in range(4))
    assert set(adapt(maml(ssl), task, TRAIN).overlay) == set(theta) - {"inner.rates"}


@pytest.mark.parametrize(("test_steps", "taken"), [(None, 2), (0, 0), (1, 1), (4, 4)])
def test_steps_at_test_and_rates_beyond_the_last(tiny_pool: Pool, test_steps: int | None, taken: int) -> None:
    ssl = term(NoObjective())
    task = episodes(tiny_pool, ssl, 1).task(0)
    learner = maml(ssl, steps=2, test_steps=test_steps, rates=2)
    theta = learner.theta()
    assert_same(adapt(learner, task, TRAIN).overlay, by_hand(theta, task, 2, "batch", 0.0))
    # by_hand takes the last rate for every step beyond it
    assert_same(adapt(learner, task, TEST).overlay, by_hand(theta, task, taken, "batch", 0.0))


@pytest.mark.parametrize("objective", [Consistency, soft_kmeans])
@pytest.mark.parametrize("norm", NORMS)
def test_control_is_the_same_learner_without_u(tiny_pool: Pool, norm: str, objective) -> None:
    ssl = term(objective())
    task = episodes(tiny_pool, ssl, 1).task(0)
    learner, plain = maml(ssl, norm, test_steps=3), maml(term(NoObjective()), norm, test_steps=3)
    control = query_logits(learner, task, CONTROL)
    assert torch.equal(control, query_logits(plain, task, TEST))
    assert not torch.allclose(control, query_logits(learner, task, TEST), atol=1e-6)


@pytest.mark.parametrize("norm", NORMS)
def test_order_of_the_support_makes_no_difference(tiny_pool: Pool, norm: str) -> None:
    ssl = term(soft_kmeans())
    task = episodes(tiny_pool, ssl, 1, shot=2).task(0)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    mixed = replace(task, support_x=task.support_x[order], support_y=task.support_y[order])
    learner = maml(ssl, norm)
    found, expected = (query_logits(learner, t, TEST) for t in (mixed, task))
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("objective", [Consistency, soft_kmeans])
@pytest.mark.parametrize("norm", NORMS)
def test_names_of_the_labels_make_no_difference(tiny_pool: Pool, norm: str, objective) -> None:
    """Class c renamed to names[c], with the head's initial rows renamed alike, renames the logits."""
    ssl = term(objective())
    task = episodes(tiny_pool, ssl, 1).task(0)
    names = torch.tensor([2, 0, 1])
    learner = maml(ssl, norm)
    theta = learner.theta()
    renamed = replace(task, support_y=names[task.support_y], query_y=names[task.query_y])
    moved = {n: p[names.argsort()] if n.startswith("head.") else p for n, p in theta.items()}
    expected = query_logits(learner, task, TEST)
    found = query_logits(learner, renamed, TEST, theta=moved)
    torch.testing.assert_close(found[:, names], expected, rtol=1e-9, atol=1e-10)


def test_gradient_of_the_rates_against_differences(tiny_pool: Pool) -> None:
    ssl = term(Consistency())
    task = episodes(tiny_pool, ssl, 1).task(0)
    learner = maml(ssl, steps=3, rates=2, make_backbone=Smooth)
    theta = learner.theta()
    found = outer_gradient(learner, task)["inner.rates"]

    def loss(k: int, h: float) -> Tensor:
        moved = theta["inner.rates"].detach().clone()
        moved[k] += h
        return meta_loss(learner, task, TRAIN, theta={**theta, "inner.rates": moved})[0].detach()

    slopes = [slope(partial(loss, k)) for k in (0, 1)]
    torch.testing.assert_close(found, torch.stack(slopes), rtol=1e-8, atol=1e-10)


def test_fixed_rates_are_not_learned(tiny_pool: Pool) -> None:
    ssl = term(NoObjective())
    learner = maml(ssl, learned=False)
    assert "inner.rates" not in outer_gradient(learner, episodes(tiny_pool, ssl, 1).task(0))


def test_moving_averages_are_refused() -> None:
    learner = maml(term(NoObjective()), "running")
    with pytest.raises(ConfigError, match=r"backbone\.norm: found 'running'.*batch, group, support"):
        check(learner, SPEC)


@pytest.mark.parametrize("order", [0, 3])
def test_unknown_orders_are_refused(order: int) -> None:
    with pytest.raises(ConfigError, match=rf"model\.order: found {order}"):
        maml(term(NoObjective()), order=order)
