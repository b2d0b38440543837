"""Poisson learning against the pseudo-inverse and the paper's iteration."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.func import grad

from metassl.numerics.graphs import affinity, connected
from metassl.ssl.graph.poisson import Poisson, potential
from tests.support.contexts import WAY, D, S, U, context
from tests.support.feature_spaces import clouds
from tests.support.graph_and_cluster import naive_affinity
from tests.support.numbers import random


def poisson_graph(x: Tensor, k: int, share: float) -> np.ndarray:
    w = naive_affinity(x.numpy(), k)
    n = len(w)
    return w + share * w.sum() / n**2 * (1 - np.eye(n))


def naive_potential(w: np.ndarray, y: np.ndarray) -> np.ndarray:
    degree = w.sum(1)
    source = np.zeros((len(w), WAY))
    for j, label in enumerate(y):
        source[j] = np.eye(WAY)[label] - np.eye(WAY)[y].mean(0)
    u = np.linalg.pinv(np.diag(degree) - w) @ source
    return u - (degree[:, None] * u).sum(0) / degree.sum()


def test_poisson_against_the_pseudo_inverse() -> None:
    s, u = random(S, D, seed=3), random(12, D, seed=4)
    y = np.array([0, 1, 2, 0, 0, 1])  # unequal shots
    w = poisson_graph(torch.cat((s, u)), 4, 0.01)
    expected = naive_potential(w, y)
    rows = torch.cat((torch.eye(WAY)[y], torch.zeros(12, WAY))).double()
    found = potential(torch.from_numpy(w), rows, torch.ones(S + 12).double(), torch.ones(S).double())
    torch.testing.assert_close(found, torch.from_numpy(expected), rtol=1e-8, atol=1e-10)
    given = context({"plain": u}, support=s, support_y=torch.from_numpy(y))
    p = np.exp(expected[S:] / 0.4 / np.sqrt((expected[S:] ** 2).mean()))
    labels = Poisson(4, 0.4, 0.01).label(given)
    torch.testing.assert_close(labels.q, torch.from_numpy(p / p.sum(1, keepdims=True)))
    sharp = Poisson(4, 1e-4, 0.01).label(given).q
    assert (sharp.argmax(-1).numpy() == expected[S:].argmax(1)).all()
    assert sharp.amax(-1).min() > 0.99


def test_poisson_is_the_limit_of_the_papers_iteration() -> None:
    """Algorithm 1: U ← U + D⁻¹(B - L U), whose steps keep Σ d u = 0."""
    s, u = random(S, D, seed=3), random(U, D, seed=4)
    w = poisson_graph(torch.cat((s, u)), 4, 0.05)
    y = np.arange(S) % WAY
    degree, b, found = w.sum(1, keepdims=True), np.zeros((S + U, WAY)), np.zeros((S + U, WAY))
    b[:S] = np.eye(WAY)[y] - 1 / WAY
    for _ in range(3000):
        found = found + (b - (degree * found - w @ found)) / degree
    np.testing.assert_allclose(found, naive_potential(w, y), atol=1e-9)


def test_centred_on_the_support_only_the_constants_differ() -> None:
    """By hand from the pseudo-inverse; a support image of weight 0 has no part in the centre."""
    s, u, y = random(S, D, seed=3), random(12, D, seed=4), np.arange(S) % WAY
    expected = naive_potential(poisson_graph(torch.cat((s, u)), 4, 0.01), y)
    expected = expected - expected[:S].mean(0)
    p = np.exp(expected[S:] / 0.4 / np.sqrt((expected[S:] ** 2).mean()))
    q = Poisson(4, 0.4, 0.01, "support").label(context({"plain": u}, support=s)).q
    torch.testing.assert_close(q, torch.from_numpy(p / p.sum(1, keepdims=True)))
    wide = context(
        {"plain": u},
        support=torch.cat((s, 9 * s[:1])),
        support_weight=torch.tensor([1.0] * S + [0]).double(),
        support_y=torch.tensor([*y, 0]),
    )
    torch.testing.assert_close(Poisson(4, 0.4, 0.01, "support").label(wide).q, q)


def test_mechanism_a_centre_on_the_support_leaves_unequal_classes_their_sizes() -> None:
    """24, 3 and 3 images, mean accuracy over tasks: centred on the graph a large class loses its fringe."""
    spaces = [clouds((24, 3, 3), apart=2.5, seed=seed) for seed in range(0, 24, 3)]
    graph, support = (
        sum(space.accuracy(Poisson(5, 0.5, 0.01, centre)) for space in spaces) / len(spaces)
        for centre in ("graph", "support")
    )
    assert support > graph + 0.05


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_poisson_on_a_graph_in_pieces(dtype: torch.dtype) -> None:
    """A far piece without labels is undecided, a far piece with a label has it; nothing explodes."""
    s = torch.cat((random(S - 1, D, seed=3), 1e3 + random(1, D, seed=6)))  # the last has label 2
    alone = -1e3 + 0.1 * random(4, D, seed=5)
    u = torch.cat((1e3 + 0.1 * random(3, D, seed=4), alone))
    given = context({"plain": u.to(dtype)}, support=s.to(dtype))
    q = Poisson(2, 0.5, 0.01).label(given).q
    assert (q[:3].argmax(-1) == 2).all()
    assert (q[:3].amax(-1) > q[3:].amax(-1).max()).all()
    w = connected(affinity(torch.cat((s, u)), torch.ones(13).double(), 2), torch.ones(13).double(), 0.01)
    assert np.linalg.eigvalsh(torch.diag(w.sum(1)).numpy() - w.numpy())[1] > 1e-3


def test_grad_is_there_for_vmap() -> None:
    """The linear systems have second derivatives under torch.func, too."""
    x, y = random(6, 2), torch.cat((torch.eye(3), torch.zeros(3, 3))).double()

    def loss(x: Tensor) -> Tensor:
        w = connected(affinity(x, torch.ones(6).double(), 3), torch.ones(6).double(), 0.1)
        return potential(w, y, torch.ones(6).double(), torch.ones(3).double()).square().sum()

    slope = grad(lambda x: grad(loss)(x).square().sum())(x)
    h, way = 1e-5, random(6, 2, seed=5)
    ahead, behind = (grad(loss)(x + sign * h * way).square().sum() for sign in (1, -1))
    torch.testing.assert_close((slope * way).sum(), (ahead - behind) / (2 * h), rtol=1e-5, atol=1e-6)
