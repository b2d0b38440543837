"""The adversarial direction against numpy's eigenvectors of the divergence's Hessian."""

import numpy as np
import pytest
import torch
from torch import Tensor

from metassl.backbones.conv4 import Conv4
from metassl.data.pool import Pool
from metassl.ssl.consistency.vat import VAT, _divergence
from metassl.ssl.context import Context
from tests.support.contexts import WAY, D, U, context, draws_of, given_task
from tests.support.numbers import close, random, softmax
from tests.support.objectives import vat
from tests.support.penalties import engines_agree, no_weight, padding_is_nothing

W = random(D, WAY, seed=5)


def linear(z: Tensor, params: object) -> Tensor:
    return z @ W


def task(objective: VAT) -> Context:
    return context({"plain": random(U, D)}, logits=linear, draws=draws_of(objective, U))


def direction(objective: VAT, given: Context) -> Tensor:
    return objective.direction(given, given.logits("plain"))


def test_direction_is_the_leading_eigenvector() -> None:
    """Of a linear softmax model the Hessian of KL in r is W (diag p - p pᵀ) Wᵀ."""
    objective = vat(0.5, 1e-5, 200)
    given = task(objective)
    found = direction(objective, given).numpy()
    p = softmax(given.unlabelled.views["plain"].numpy() @ W.numpy())
    for j in range(U):
        hessian = W.numpy() @ (np.diag(p[j]) - np.outer(p[j], p[j])) @ W.numpy().T
        values, vectors = np.linalg.eigh(hessian)
        assert values[-1] > 1.05 * values[-2]
        assert abs(vectors[:, -1] @ found[j]) > 1 - 1e-6


def test_each_power_iteration_comes_nearer() -> None:
    best = direction(vat(0.5, 1e-5, 200), task(vat(0.5, 1e-5, 200)))
    cosines = []
    for iterations in (1, 3, 20):
        objective = vat(0.5, 1e-5, iterations)
        cosines.append((direction(objective, task(objective)) * best).sum(-1).abs().mean())
    assert cosines[0] < cosines[1] < cosines[2]


def test_penalty_is_the_divergence_at_length_epsilon() -> None:
    objective = vat(0.5, 1e-4, 5)
    given = task(objective)
    d = direction(objective, given).numpy()
    close(torch.from_numpy(d).norm(dim=-1), np.ones(U))
    x = given.unlabelled.views["plain"].numpy()
    p, q = softmax(x @ W.numpy()), softmax((x + 0.5 * d) @ W.numpy())
    close(objective.penalty(given), (p * np.log(p / q)).sum(1).mean())


def test_worse_than_random_directions() -> None:
    objective = vat(0.1, 1e-4, 20)
    given = task(objective)
    found = objective.penalty(given)
    for seed in range(20):
        r = random(U, D, seed=100 + seed)
        r = 0.1 * r / r.norm(dim=-1, keepdim=True)
        assert _divergence(given, given.logits("plain"), r) < found


def test_penalty_vanishes_with_epsilon_and_has_a_slope_in_it() -> None:
    assert vat(1e-6, 1e-4, 1).penalty(task(vat(1e-6, 1e-4, 1))) < 1e-9
    epsilon = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    penalty = vat(0.5, 1e-4, 1)
    penalty.epsilon = epsilon
    assert torch.autograd.grad(penalty.penalty(task(penalty)), epsilon)[0] > 0


def test_clean_prediction_and_direction_are_constants() -> None:
    """The gradient is that of KL(stop p ‖ p(x + stop r)), by hand."""
    objective = vat(0.5, 1e-3, 2)
    weights = W.clone().requires_grad_()
    given = context({"plain": random(U, D)}, logits=lambda z, _: z @ weights, draws=draws_of(objective, U))
    (found,) = torch.autograd.grad(objective.penalty(given), weights)
    r = 0.5 * direction(objective, task(objective))
    x = given.unlabelled.views["plain"]
    p, log_q = (x @ W).softmax(-1), ((x + r) @ weights).log_softmax(-1)
    (expected,) = torch.autograd.grad(-(p * log_q).sum(-1).mean(), weights)
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("xi", [1e-2])
def test_single_precision_finds_the_direction_of_images(xi: float) -> None:
    """With the yaml's ξ, float32 gives the direction that float64 gives."""
    torch.manual_seed(0)
    backbone = Conv4((1, 16, 16), 4, "group").double()
    head = random(backbone.out_dim, WAY)
    x = random(U, 1, 16, 16).sigmoid()
    objective = vat(1.0, xi, 1)
    draws = torch.from_numpy(np.random.default_rng(0).uniform(0.01, 0.99, (U, objective.draws((1, 16, 16)))))
    found = []
    for dtype in (torch.float64, torch.float32):
        network, last = backbone.to(dtype), head.to(dtype)
        given = context(
            {"plain": x.to(dtype)},
            weight=torch.ones(U, dtype=dtype),
            logits=lambda z, _, network=network, last=last: network(z.view(-1, 1, 16, 16)) @ last,
            draws=draws.to(dtype),
        )
        clean = given.classify(given.embed(x.to(dtype), given.unlabelled.weight))
        found.append(objective.direction(given, clean).flatten(1).double())
    assert (found[0] * found[1]).sum(-1).min() > 0.999


def test_padding_and_engines(tiny_pool: Pool) -> None:
    padding_is_nothing(vat(0.5, 1e-3, 1))
    assert no_weight(vat(0.5, 1e-3, 1)) == 0
    assert torch.isfinite(vat(0.5, 1e-3, 1).penalty(given_task(vat(0.5, 1e-3, 1), logits=lambda z, _: 0 * z)))
    engines_agree(tiny_pool, lambda: vat(1.0, 1e-2, 1))


def test_mechanism_the_adversarial_direction_changes_more_than_random_ones() -> None:
    """One power iteration, as by default: at least twice the mean divergence of 20 random directions as long."""
    objective = vat(0.5, 1e-4, 1)
    given = task(objective)
    others = []
    for seed in range(20):
        r = random(U, D, seed=100 + seed)
        others.append(
            float(_divergence(given, given.logits("plain"), 0.5 * r / r.norm(dim=-1, keepdim=True)))
        )
    assert float(objective.penalty(given)) > 2 * float(np.mean(others))
