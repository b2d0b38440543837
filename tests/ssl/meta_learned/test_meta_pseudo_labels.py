"""The teacher against numpy, and the sign of what it hears."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from metassl.data.pool import Pool
from metassl.ssl.meta_learned.meta_pseudo_labels import MetaPseudoLabels, clues
from metassl.tasks.episode import Episode
from tests.support.calls import TRAIN, meta_loss, observe, outer_loss
from tests.support.contexts import WAY, D, S, U, context
from tests.support.episodes import episodes
from tests.support.learners import Flat, gradient_learner, head_learner, scramble
from tests.support.networks import CHECKS, MAKERS, learner_of
from tests.support.numbers import close, random
from tests.support.objectives import meta_pseudo_labels
from tests.support.terms import make_term


def teacher(threshold: float = 0.0) -> MetaPseudoLabels:
    objective = meta_pseudo_labels(threshold)
    scramble(objective)
    return objective.double()


def probabilities(objective: MetaPseudoLabels, given: Any) -> Tensor:
    """[U] what the teacher gives to the labels that it gave at first."""
    return objective.teacher_on_u(given).softmax(-1).detach()


def test_clues_against_numpy() -> None:
    z, p = random(U, D), random(WAY, D, seed=1)
    found = clues(z, p, torch.tensor([True, True, False])).numpy()
    for j, h in enumerate(z.numpy()):
        d = [np.sum((h - c) ** 2) for c in p.numpy()]
        for c, centre in enumerate(p.numpy()):
            cosine = h @ centre / np.linalg.norm(h) / np.linalg.norm(centre)
            np.testing.assert_allclose(found[j, c], [d[c] / np.mean(d[:2]), cosine])


def test_starts_as_the_student() -> None:
    given = context({"plain": random(U, D)})
    torch.testing.assert_close(meta_pseudo_labels(0.0).double().teacher_on_u(given), given.logits("plain"))


def test_labels_are_hard_and_constant_and_gated() -> None:
    given = context({"plain": random(U, D)})
    objective = teacher()
    p = probabilities(objective, given)
    objective.threshold = float(p.amax(1).median())
    labels = objective.label(given)
    close(labels.q, np.eye(WAY)[p.argmax(1)])
    close(labels.weight, (p.amax(1) >= objective.threshold).double())
    assert 0 < labels.weight.sum() < U
    assert not labels.q.requires_grad
    assert not labels.weight.requires_grad


def test_feedback_trains_the_teacher_and_nothing_else() -> None:
    x, s = random(U, D).requires_grad_(), random(S, D, seed=9).requires_grad_()
    objective = teacher()
    loss = objective.feedback(context({"plain": x}, support=s), torch.tensor(0.3).double())
    wanted = [x, s, *objective.parameters()]
    found = torch.autograd.grad(loss, wanted, materialize_grads=True)
    assert (found[0] == 0).all()
    assert (found[1] == 0).all()
    assert all(g.abs().max() > 0 for g in found[2:4])


@pytest.mark.parametrize("advantage", [0.5, -0.5])
def test_labels_that_lowered_the_loss_become_likelier(advantage: float) -> None:
    """The sign: a step down the feedback moves the teacher towards its labels, or away from them."""
    given = context({"plain": random(U, D)}, support_weight=torch.zeros(S).double())  # CE(T(S)) aside
    objective = teacher()
    q = objective.label(given).q
    before = soft(objective, given, q)
    loss = objective.feedback(given, torch.tensor(advantage).double())
    with torch.no_grad():
        for p, g in zip(
            objective.parameters(), torch.autograd.grad(loss, list(objective.parameters())), strict=True
        ):
            p -= 0.01 * g
    assert np.sign(soft(objective, given, q) - before) == np.sign(advantage)


def soft(objective: MetaPseudoLabels, given: Any, q: Tensor) -> float:
    """Mean log-probability of the labels q."""
    return float((q * objective.teacher_on_u(given).log_softmax(-1)).sum(-1).mean().detach())


def three_blobs() -> Episode:
    """Classes at the corners of a triangle; the support is off the centre, U and Q are around it."""
    corners = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]]).double()
    y = torch.arange(9) % WAY
    u, q = (corners[y] + 0.15 * random(9, 2, seed=k) for k in (1, 2))
    support = corners + 0.7 * random(WAY, 2, seed=4)
    task = context({"plain": u}, support=support, support_y=torch.arange(WAY)).episode
    return replace(task, query_x=q, query_y=y, query_weight=torch.ones(9).double())


@pytest.mark.parametrize(("scale", "sign"), [(1.0, 1), (-1.0, -1)])
def test_what_a_prototype_learner_tells_its_teacher(scale: float, sign: int) -> None:
    """The teacher that agrees with the student lowers the loss, its opposite raises it; both hear it."""
    objective = meta_pseudo_labels(0.0).double()
    with torch.no_grad():
        objective.scale.fill_(scale)
    learner = head_learner("group", make_term(objective), lambda norm: Flat(2, norm), rounds=1)
    task = three_blobs()
    with torch.no_grad():
        after = outer_loss(learner, task, TRAIN)[1]["loss"]
        before = outer_loss(learner, task, replace(TRAIN, unlabelled=False))[1]["loss"]
    advantage = before - after
    assert advantage * sign > 0.05
    (found,) = torch.autograd.grad(meta_loss(learner, task, TRAIN)[0], objective.scale)

    def by_hand(given: Any) -> Tensor:
        on_u = objective.scale * given.logits("plain").detach()
        on_s = objective.scale * given.support_logits().detach()
        return advantage * F.cross_entropy(on_u, on_u.argmax(-1)) + F.cross_entropy(on_s, task.support_y)

    (expected,) = torch.autograd.grad(observe(learner, task, TRAIN, by_hand), objective.scale)
    torch.testing.assert_close(found, expected)


def test_the_control_gives_no_feedback(tiny_pool: Pool) -> None:
    learner = learner_of(gradient_learner, teacher(), at="inner")
    task = episodes(tiny_pool, learner.ssl, 1).task(0)
    loss, _ = meta_loss(learner, task, replace(TRAIN, unlabelled=False))
    found = torch.autograd.grad(loss, list(learner.ssl.parameters()), materialize_grads=True)
    assert all((g == 0).all() for g in found)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("make", MAKERS)
def test_in_a_learner(tiny_pool: Pool, make: Callable, check: Callable) -> None:
    check(tiny_pool, make, meta_pseudo_labels(0.0))
