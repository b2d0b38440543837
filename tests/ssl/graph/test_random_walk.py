"""The random walk against walkers that are counted path by path."""

from itertools import pairwise, product

import numpy as np
import pytest
import torch
from torch import Tensor

from metassl.ssl.graph.random_walk import RandomWalk
from tests.support.contexts import WAY, D, S, context
from tests.support.numbers import random

COUNT = 4


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max())
    return e / e.sum()


def naive(s: np.ndarray, u: np.ndarray, steps: int, decay: float, visit: float, smoothing: float) -> float:
    p = [s[np.arange(S) % WAY == c].mean(0) for c in range(WAY)]
    near = np.array([[-((h - c) ** 2).sum() for c in p] for h in u])
    into = np.array([softmax(near[:, c]) for c in range(WAY)])
    out = np.array([softmax(near[j]) for j in range(COUNT)])
    into, out = (1 - smoothing) * into + smoothing / COUNT, (1 - smoothing) * out + smoothing / WAY
    among = np.zeros((COUNT, COUNT))
    for i in range(COUNT):
        others = [j for j in range(COUNT) if j != i]
        among[i, others] = softmax(np.array([-((u[i] - u[j]) ** 2).sum() for j in others]))
    total = 0.0
    for t, c in product(range(steps + 1), range(WAY)):
        home = 0.0
        for path in product(range(COUNT), repeat=t + 1):  # every way to go
            p_path = into[c, path[0]] * out[path[-1], c]
            for i, j in pairwise(path):
                p_path *= among[i, j]
            home += p_path
        total -= decay**t * np.log(home) / WAY
    return total - visit * np.log(into.mean(0)).mean()


@pytest.mark.parametrize("steps", [0, 1, 3])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_against_every_path(steps: int, smoothing: float) -> None:
    s, u = 0.5 * random(S, D, seed=3), 0.5 * random(COUNT, D, seed=4)
    found = RandomWalk(steps, 0.7, 0.6, smoothing).penalty(context({"plain": u}, s))
    expected = naive(s.numpy(), u.numpy(), steps, 0.7, 0.6, smoothing)
    torch.testing.assert_close(found, torch.tensor(expected).double())


def clusters(spread: float) -> tuple[Tensor, Tensor]:
    centres = 6 * torch.eye(WAY, D).double()
    return centres.repeat(2, 1), centres.repeat(3, 1) + spread * random(3 * WAY, D)


def test_least_for_tight_clusters() -> None:
    """Walkers then always come home, and visits are uniform: what is left is log |U|."""
    s, u = clusters(0.01)
    least = RandomWalk(3, 0.7, 1.0, 0.0).penalty(context({"plain": u}, s))
    torch.testing.assert_close(least, torch.tensor(9.0).double().log(), rtol=1e-3, atol=1e-3)
    loose = RandomWalk(3, 0.7, 1.0, 0.0).penalty(context({"plain": clusters(2.0)[1]}, s))
    assert loose > least + 0.5


def test_an_image_all_alone_stays_where_it_is() -> None:
    """With one image that counts, every walk is in, stay, out."""
    s, u = 0.5 * random(S, D, seed=3), 0.5 * random(3, D, seed=4)
    given = context({"plain": u}, s, weight=torch.tensor([0.0, 1, 0]).double())
    p = torch.stack([s[torch.arange(S) % WAY == c].mean(0) for c in range(WAY)])
    out = (-(u[1] - p).square().sum(-1)).softmax(-1)
    expected = -(1 + 0.5 + 0.25) * out.log().mean()
    torch.testing.assert_close(RandomWalk(2, 0.5, 1.0, 0.0).penalty(given), expected)


def test_gradients_go_through_prototypes_and_images() -> None:
    s, u = random(S, D, seed=3).requires_grad_(), random(COUNT, D, seed=4).requires_grad_()
    loss = RandomWalk(3, 0.7, 1.0, 0.1).penalty(context({"plain": u}, s))
    for slope in torch.autograd.grad(loss, (s, u)):
        assert slope.abs().amin() > 0
