"""The teacher: it is a learner of its own, it alone hears of its labels, and with which sign."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from metassl.data.pool import Pool
from metassl.ssl.base import SSLObjective
from metassl.ssl.context import Context
from metassl.ssl.meta_learned.meta_pseudo_labels import MetaPseudoLabels
from metassl.ssl.none import NoObjective
from tests.support.calls import TRAIN, adapt, meta_loss, observe, outer_loss, predict
from tests.support.contexts import WAY, D, U, advanced, context
from tests.support.episodes import episodes
from tests.support.learners import conv4, gradient_learner, head_learner, scramble
from tests.support.networks import (
    CHECKS,
    MAKERS,
    check_engines_agree,
    check_names_of_classes,
    learner_of,
)
from tests.support.numbers import close, random
from tests.support.objectives import meta_pseudo_labels
from tests.support.terms import full

VIEWS = {"plain": random(U, D), "strong": random(U, D, seed=1)}


def linear(z: Tensor, params: Any) -> Tensor:
    return torch.tanh(z @ params["v"]) @ params["w"]


def student() -> dict[str, Tensor]:
    return {"v": random(D, 5, seed=20), "w": random(5, WAY, seed=21)}


def teacher(**options: Any) -> MetaPseudoLabels:
    """One whose parameters are others than the student's."""
    objective = meta_pseudo_labels({n: p.requires_grad_() for n, p in student().items()}, **options)
    scramble(objective)
    return objective.double()


def task(objective: MetaPseudoLabels, **changes: Any) -> Context:
    return advanced(objective, context(VIEWS, logits=linear, params=student(), **changes))


def taught(make: Callable, **options: Any) -> Callable[[int], SSLObjective]:
    """What makes the objective of a learner's parameters."""
    learner = make("group", full(NoObjective()), make_backbone=conv4)
    return lambda features: meta_pseudo_labels(dict(learner.named_parameters()), **options)


def test_a_teacher_that_starts_is_the_learner_without_u(tiny_pool: Pool) -> None:
    """Two steps at the learner's own rate from the learner's own parameters, on S alone."""
    learner = gradient_learner("group", full(NoObjective()))
    objective = MetaPseudoLabels(dict(learner.named_parameters()), 0.0, steps=2, rate=0.1).double()
    learner.attach(full(objective, from_step=0))
    given = episodes(tiny_pool, learner.ssl, 1).task(0)
    alone = adapt(learner, given, replace(TRAIN, unlabelled=False))
    expected = predict(learner, alone, given.unlabelled.views["plain"])
    found = observe(learner, given, TRAIN, lambda c: objective.seen_by_teacher(c, 1).logits("plain"))
    torch.testing.assert_close(found, expected)


def test_its_steps_against_autograd() -> None:
    objective = teacher(steps=1)
    given = task(objective)
    params = {n: objective.teacher[n].detach().clone().requires_grad_() for n in ("v", "w")}
    loss = F.cross_entropy(linear(given.support_features(), params), given.episode.support_y)
    slopes = torch.autograd.grad(loss, list(params.values()))
    moved = {n: p - objective.rates_of_steps[0] * g for (n, p), g in zip(params.items(), slopes, strict=True)}
    found = objective.seen_by_teacher(given, 1).logits("plain")
    close(found.detach(), linear(VIEWS["plain"], moved).detach())


def test_labels_are_hard_and_constant_and_gated() -> None:
    objective = teacher()
    given = task(objective)
    p = objective.seen_by_teacher(given, 1).predictions("plain").detach()
    objective.threshold = float(p.amax(1).median())
    labels = objective.label(given)
    close(labels.q, np.eye(WAY)[p.argmax(1)])
    close(labels.weight, (p.amax(1) >= objective.threshold).double())
    assert 0 < labels.weight.sum() < U
    assert not labels.q.requires_grad


def test_labels_of_a_task_stay() -> None:
    """A student that has moved gets the labels of the first step."""
    objective = teacher()
    given = task(objective)
    later = replace(given, predictor=given.predictor.under({"v": -9 * random(D, 5, seed=3)}), step=1)
    close(objective.label(advanced(objective, later)).q, objective.label(given).q)


def test_feedback_trains_the_teacher_and_nothing_else() -> None:
    objective = teacher()
    params = {n: p.requires_grad_() for n, p in student().items()}
    given = advanced(objective, context(VIEWS, logits=linear, params=params))
    loss = objective.feedback(given, torch.tensor(0.3).double())
    found = torch.autograd.grad(loss, [*params.values(), *objective.parameters()], materialize_grads=True)
    assert all((g == 0).all() for g in found[:2])
    assert all(g.abs().max() > 0 for g in found[2:])


@pytest.mark.parametrize("advantage", [0.5, -0.5])
def test_mechanism_labels_that_lowered_the_loss_become_likelier(advantage: float) -> None:
    """The sign: what the feedback adds moves the teacher towards its labels, or away from them."""
    objective = teacher(uda_weight=0.0)
    given = task(objective)
    q = objective.label(given).q
    with_it, without = (objective.feedback(given, torch.tensor(h).double()) for h in (advantage, 0.0))
    heard = with_it - without
    params = list(objective.parameters())
    before = likelihood(objective, given, q)
    with torch.no_grad():
        for p, g in zip(params, torch.autograd.grad(heard, params), strict=True):
            p.sub_(0.01 * g)
    assert np.sign(likelihood(objective, given, q) - before) == np.sign(advantage)


def likelihood(objective: MetaPseudoLabels, given: Context, q: Tensor) -> float:
    """Mean log-probability of the labels q by the teacher."""
    logits = objective.seen_by_teacher(given, 1).logits("plain")
    return float((q * logits.log_softmax(-1)).sum(-1).mean().detach())


def test_uda_against_numpy() -> None:
    objective = teacher(steps=0)
    objective.uda_threshold = 0.5
    weight = torch.linspace(0, 1, U).double()
    given = objective.seen_by_teacher(task(objective, weight=weight), 1)
    plain, strong = (given.logits(view).detach() for view in VIEWS)
    total = 0.0
    for a, b, w in zip(plain, strong, weight.tolist(), strict=True):
        target = (a / objective.uda_temperature).softmax(0)
        sure = float(a.softmax(0).max() >= 0.5)
        total -= w * sure * float((target * b.log_softmax(0)).sum())
    close(objective.uda(given).detach(), total / float(weight.sum()))


def test_what_a_learner_tells_its_teacher(tiny_pool: Pool) -> None:
    """The advantage of the outer losses with U and without, times CE of its labels, and its own two losses."""
    learner = learner_of(head_learner, taught(head_learner, steps=0), at="inner")
    given = episodes(tiny_pool, learner.ssl, 1).task(0)
    objective = learner.ssl.objective
    with torch.no_grad():
        after = outer_loss(learner, given, TRAIN)[1]["loss"]
        before = outer_loss(learner, given, replace(TRAIN, unlabelled=False))[1]["loss"]
    assert abs(before - after) > 1e-4

    def by_hand(seen: Context) -> Tensor:
        t = objective.seen_by_teacher(seen, 1)
        logits = t.logits("plain")
        queries = t.classify(t.embed(given.query_x, given.query_weight))
        heard = (before - after) * F.cross_entropy(logits, logits.argmax(-1))
        return heard + F.cross_entropy(queries, given.query_y) + objective.uda_weight * objective.uda(t)

    wanted = list(objective.teacher.parameters())
    found = torch.autograd.grad(meta_loss(learner, given, TRAIN)[0], wanted, materialize_grads=True)
    loss = observe(learner, given, TRAIN, by_hand)
    for one, two in zip(found, torch.autograd.grad(loss, wanted, materialize_grads=True), strict=True):
        torch.testing.assert_close(one, two)


def test_the_control_gives_no_feedback(tiny_pool: Pool) -> None:
    learner = learner_of(gradient_learner, taught(gradient_learner), at="inner")
    given = episodes(tiny_pool, learner.ssl, 1).task(0)
    loss, _ = meta_loss(learner, given, replace(TRAIN, unlabelled=False))
    found = torch.autograd.grad(loss, list(learner.ssl.parameters()), materialize_grads=True)
    assert all((g == 0).all() for g in found)


# the teacher's head names classes too: its rows would have to be renamed with the learner's
OF_LEARNERS = [c for c in CHECKS if c not in (check_names_of_classes, check_engines_agree)]


@pytest.mark.parametrize("check", OF_LEARNERS)
@pytest.mark.parametrize("make", MAKERS)
def test_in_a_learner(tiny_pool: Pool, make: Callable, check: Callable) -> None:
    check(tiny_pool, make, taught(make))


@pytest.mark.parametrize("check", [check_names_of_classes, check_engines_agree])
def test_in_a_closed_form(tiny_pool: Pool, check: Callable) -> None:
    check(tiny_pool, head_learner, taught(head_learner, steps=0))


def test_engines_agree_with_inner_steps(tiny_pool: Pool) -> None:
    check_engines_agree(tiny_pool, gradient_learner, taught(gradient_learner))
