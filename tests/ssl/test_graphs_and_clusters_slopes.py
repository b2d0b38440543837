"""Slopes, learned options, precision and engines of every graph and clustering objective."""

import pytest
import torch
from torch import Tensor

from metassl.data.pool import Pool
from metassl.engine.vmap import Vmap
from tests.support.agreement import assert_agree
from tests.support.contexts import D, S, U, context
from tests.support.episodes import episodes
from tests.support.graph_and_cluster import GRAPH_AND_CLUSTER, made, outcome
from tests.support.learners import gradient_learner, head_learner
from tests.support.numbers import random
from tests.support.terms import full, make_term


@pytest.mark.parametrize("name", GRAPH_AND_CLUSTER)
def test_the_loss_is_smooth_twice(name: str) -> None:
    """With no stop-gradient, the term's loss has the slopes of differences, of both orders."""
    objective = made(name)
    for p in objective.parameters():
        p.data.zero_()  # the masks' networks read constants: with other weights they hide a slope
    views, s = random(4, 2, seed=4).requires_grad_(), random(S, 2, seed=3).requires_grad_()

    def loss(u: Tensor, s: Tensor) -> Tensor:
        def logits(z: Tensor, params: object) -> Tensor:
            return torch.stack((z[:, 0], z[:, 1], z[:, 0] * z[:, 1]), dim=-1)

        given = context({"plain": u}, s, stop_gradient=False, logits=logits)
        return make_term(objective, from_step=0, stop_gradient=False).loss(given)

    assert torch.autograd.gradcheck(loss, (views, s))
    assert torch.autograd.gradgradcheck(loss, (views, s))


@pytest.mark.parametrize("name", GRAPH_AND_CLUSTER)
def test_options_may_be_learned(name: str) -> None:
    """Each option that `hparams` names works as a tensor, gives the same value and has a gradient."""
    objective = made(name)
    given = context({"plain": random(U, D, seed=4)}, random(S, D, seed=3))
    term = make_term(objective, from_step=0)
    plain = term.loss(given)
    for option in objective.hparams:
        number = getattr(objective, option)
        value = torch.tensor(number).double().requires_grad_()
        setattr(objective, option, value)
        loss = term.loss(given)
        torch.testing.assert_close(loss, plain)
        assert torch.autograd.grad(loss, value)[0].abs() > 1e-8
        setattr(objective, option, number)


@pytest.mark.parametrize("name", GRAPH_AND_CLUSTER)
def test_float32_is_enough_in_many_dimensions(name: str) -> None:
    objective = made(name)
    x, s = 2 * random(25, 64, seed=4), random(5, 64, seed=3)
    x[:, 40:], s[:, 40:] = 0, 0  # dead features
    y = torch.tensor([0, 1, 2, 0, 1])
    ones = torch.ones(25)
    single = context({"plain": x.float()}, s.float(), ones, support_weight=ones[:5], support_y=y)
    found = outcome(objective.float(), single, 25)
    exact = outcome(objective.double(), context({"plain": x}, support=s, support_y=y), 25)
    assert found.isfinite().all()
    torch.testing.assert_close(found.double(), exact, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", GRAPH_AND_CLUSTER)
@pytest.mark.parametrize("make", [gradient_learner, head_learner])
def test_loop_and_vmap_agree(tiny_pool: Pool, make, name: str) -> None:
    learner = make("support", full(made(name), "both"))
    assert_agree(learner, episodes(tiny_pool, learner.ssl, 2), (Vmap(2),))
