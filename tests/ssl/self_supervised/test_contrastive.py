"""NT-Xent against a loop, and its projection."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from metassl.data.pool import Pool
from metassl.numerics.geometry import unit
from metassl.ssl.self_supervised.contrastive import nt_xent
from tests.support.contexts import D, U, context
from tests.support.networks import CHECKS, MAKERS, built
from tests.support.numbers import close, random
from tests.support.objectives import contrastive


def views() -> dict[str, Tensor]:
    return {"first": random(U, D, seed=1), "second": random(U, D, seed=2)}


def naive(z: np.ndarray, live: list[int], weight: np.ndarray, temperature: float) -> float:
    """Eq. 1 by loops; z [2, U, P], `live` the images that are no padding."""
    rows = [(v, j) for v in (0, 1) for j in live]
    cosine = {(a, b): z[a] @ z[b] / np.linalg.norm(z[a]) / np.linalg.norm(z[b]) for a in rows for b in rows}
    total = 0.0
    for v, j in rows:
        others = sum(np.exp(cosine[(v, j), b] / temperature) for b in rows if b != (v, j))
        total -= weight[j] * np.log(np.exp(cosine[(v, j), (1 - v, j)] / temperature) / others)
    return total / (2 * weight[live].sum())


@pytest.mark.parametrize("temperature", [0.1, 0.5, torch.tensor(0.7).double()])
@pytest.mark.parametrize("padded", [[], [2, 6]])
def test_against_a_loop(temperature: float | Tensor, padded: list[int]) -> None:
    objective, given = built(contrastive), views()
    objective.temperature = temperature
    weight = torch.ones(U).double()
    weight[padded] = 0
    found = objective.penalty(context(given, weight=weight))
    z = np.stack([objective.project(v).detach().numpy() for v in given.values()])
    live = [j for j in range(U) if j not in padded]
    close(found, naive(z, live, weight.numpy(), float(temperature)))


def test_policy_weighs_anchors_but_leaves_negatives() -> None:
    objective, given = built(contrastive), views()
    worth = torch.linspace(0.1, 1, U).double()
    seen = replace(context(given), policy=lambda _: worth)
    z = np.stack([objective.project(v).detach().numpy() for v in given.values()])
    close(objective.penalty(seen), naive(z, list(range(U)), worth.numpy(), 0.5))


def test_equal_views_of_orthogonal_images_are_best() -> None:
    """With s = 1 for the partner and 0 for the rest the loss is log(1 + (2U - 2) e^(-1/τ))."""
    objective = built(contrastive, temperature=0.2, projection=D)
    objective.project = torch.nn.Identity()
    x = torch.eye(D).double()
    found = objective.penalty(context({"first": x, "second": 3 * x}))
    close(found, np.log1p((2 * D - 2) * np.exp(-5)))


def test_all_padding_gives_zero() -> None:
    assert built(contrastive).penalty(context(views(), weight=torch.zeros(U).double())) == 0


def test_a_zero_projection_has_finite_second_derivatives() -> None:
    x = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(unit(x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    assert torch.isfinite(first).all()
    assert torch.isfinite(second).all()


def test_own_parameters_are_all_that_it_has() -> None:
    objective = built(contrastive)
    assert set(objective.own_parameters()) == {n for n, _ in objective.named_parameters()}


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("make", MAKERS)
def test_in_a_learner(tiny_pool: Pool, make: Callable, check: Callable) -> None:
    check(tiny_pool, make, lambda features: contrastive(features=features))


def test_mechanism_pairs_have_to_be_of_one_image() -> None:
    """Each image near its own other view: with the views of other images as partners the loss rises by 1."""
    z = random(8, 6, seed=3)
    other = z + 0.1 * random(8, 6, seed=4)
    weight, present = torch.ones(16).double(), torch.ones(16, dtype=torch.bool)
    losses = [
        float(nt_xent(unit(torch.cat((z, view))), present, weight, 0.5)) for view in (other, other.roll(1, 0))
    ]
    assert losses[1] > losses[0] + 1
