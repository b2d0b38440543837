"""The prototypes and predictions of Ren et al. 2018, within a learner, against loops."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from metassl.heads.prototypes import RejectingPrototypes
from metassl.tasks.stage import CONTROL, TEST, Stage
from tests.support.calls import adapt, meta_loss, outer_loss, query_logits
from tests.support.contexts import WAY, D, S, U
from tests.support.numbers import random
from tests.support.ren2018 import (
    cluster,
    cluster_z,
    expected_z,
    masked,
    prototypes,
    refined,
    ren_learner,
    ren_task,
    softmax_of,
)


@pytest.mark.parametrize("make", [cluster, masked])
def test_refit_prototypes_are_rens(make) -> None:
    s, u, objective = random(S, D, seed=3), random(U, D, seed=4), make()
    learner = ren_learner(objective)
    found = adapt(learner, ren_task(s, u), TEST).head
    expected = refined(s.numpy(), u.numpy(), expected_z(objective, s, u))
    torch.testing.assert_close(found.p, torch.from_numpy(expected))


def test_queries_are_classified_over_all_clusters() -> None:
    """The refined cluster of the distractors competes with its radius in the loss, not in the prediction."""
    s, u, objective = random(S, D, seed=3), random(U, D, seed=4), cluster()
    learner, episode = ren_learner(objective), ren_task(s, u)
    z = cluster_z(s.numpy(), u.numpy(), 2.5)
    rest = 1 - z.sum(1)
    assert rest.min() > 0.01
    centres = np.concatenate((refined(s.numpy(), u.numpy(), z), [rest @ u.numpy() / rest.sum()]))
    radii = np.array([1.0] * WAY + [2.5])
    p = np.stack(
        [
            softmax_of(
                -((h - centres) ** 2).sum(1) / (2 * radii**2) - 0.5 * np.log(2 * np.pi) - np.log(radii)
            )
            for h in episode.query_x.numpy()
        ]
    )
    logits = query_logits(learner, episode, TEST)
    torch.testing.assert_close(logits, torch.from_numpy(np.log(p[:, :WAY])))
    loss, _ = outer_loss(learner, episode, Stage(training=True))
    assert float(loss.detach()) == pytest.approx(-np.log(p[range(5), episode.query_y]).mean())

    strict = ren_learner(objective, RejectingPrototypes)
    rejecting = query_logits(strict, episode, TEST)
    torch.testing.assert_close(rejecting.softmax(-1), torch.from_numpy(p))
    assert (p.argmax(1) == WAY).any()  # a query that it rejects
    torch.testing.assert_close(outer_loss(strict, episode, Stage(training=True))[0], loss)
    without = query_logits(strict, episode, CONTROL)
    torch.testing.assert_close(without, query_logits(learner, episode, CONTROL))


def test_without_unlabelled_images_the_rest_stays_at_zero() -> None:
    """Padding alone, as in a task whose U is empty."""
    s, u, objective = random(S, D, seed=3), random(U, D, seed=4), cluster()
    learner, episode = ren_learner(objective), ren_task(s, u)
    empty = replace(episode.unlabelled, weight=torch.zeros(U).double())
    state = adapt(learner, replace(episode, unlabelled=empty), TEST).head
    torch.testing.assert_close(state.p, torch.from_numpy(prototypes(s.numpy())))
    assert not state.rest.any()


@pytest.mark.parametrize("make", [cluster, masked])
def test_outer_gradient_reaches_what_is_learned(make) -> None:
    """And it is the slope of the outer loss: it passes through z, m and the distances."""
    objective, episode = make(), ren_task(random(S, D, seed=3), random(U, D, seed=4))
    learner = ren_learner(objective)
    names = [n for n, _ in learner.named_parameters()]

    def loss(*values: Tensor) -> Tensor:
        theta = dict(zip(names, values, strict=True))
        return meta_loss(learner, episode, Stage(training=True), theta=theta)[0]

    values = [p.detach().clone().requires_grad_() for p in learner.parameters()]
    slopes = dict(zip(names, torch.autograd.grad(loss(*values), values), strict=True))
    for name in names:
        if name.startswith("ssl."):
            assert slopes[name].abs().max() > 1e-6, name
            if name != "ssl.objective.thresholds.2.weight" and name != "ssl.objective.thresholds.2.bias":
                assert slopes[name].abs().min() > 1e-9, name  # t1's rows alone have none
    h = 1e-5
    for k, name in enumerate(names):
        if name.startswith("ssl."):
            way = random(*values[k].shape, seed=k) if values[k].dim() else torch.ones(()).double()
            ahead, behind = (
                loss(*[v + sign * h * way if i == k else v for i, v in enumerate(values)]) for sign in (1, -1)
            )
            torch.testing.assert_close(
                (slopes[name] * way).sum(), (ahead - behind) / (2 * h), rtol=1e-5, atol=1e-9
            )
