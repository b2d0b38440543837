"""What defines each closed-form head matters, on clusters whose features are given.

Legend: N way, S support, Q query, D features.
"""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from metassl.heads.comparison import MapComparison
from metassl.heads.cosine_attention import CosineAttention
from metassl.heads.prototypes import Prototypes
from metassl.heads.ridge import Ridge
from metassl.heads.svm import SVM, solve_dual
from tests.support.numbers import random, uniform

N, D, Q = 5, 16, 100


def clusters(shot: int, noise: float, seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Features and labels of N·shot rows and Q queries around N random centres."""
    centres = random(N, D, seed=seed)
    y, q_y = torch.arange(N).repeat(shot), torch.arange(Q) % N
    z = centres[y] + noise * random(len(y), D, seed=seed + 1)
    return z, y, centres[q_y] + noise * random(Q, D, seed=seed + 2), q_y


def accuracy(head: nn.Module, z: Tensor, y: Tensor, queries: Tensor, q_y: Tensor) -> float:
    state = head.fit(z, F.one_hot(y, N).double(), torch.ones(len(z)).double())
    return float((head.logits(state, queries).argmax(1) == q_y).double().mean())


def test_mechanism_prototypes_average_the_noise() -> None:
    """protonet: the mean of ten rows against one of them as the prototype, over 5 tasks: 15 points and more."""
    found = []
    for seed in range(5):
        z, y, *queries = clusters(10, 1.5, 10 * seed)
        found.append(accuracy(Prototypes(), z, y, *queries) - accuracy(Prototypes(), z[:N], y[:N], *queries))
    assert sum(found) / len(found) > 0.15


def test_mechanism_attention_looks_at_what_is_near() -> None:
    """matching: with attention to all rows alike (s near 0) and one class of more rows, every query is of that class."""
    z, y, *queries = clusters(3, 0.7)
    kept = torch.tensor([*range(len(y)), 0])  # a second copy of a row of class 0
    near, alike = (accuracy(CosineAttention(s), z[kept], y[kept], *queries) for s in (10.0, 1e-9))
    assert near > 0.8
    assert alike == pytest.approx(1 / N)


def test_mechanism_a_learned_ridge() -> None:
    """r2d2: on tasks whose rows are mostly noise λ learns to grow, and the loss on new tasks falls by a twentieth
    and more against λ and α held where they start."""
    held, head = Ridge(0.01).double(), Ridge(0.01).double()
    optimizer = torch.optim.Adam(head.parameters(), 0.2)

    def loss(head: Ridge, seed: int) -> Tensor:
        z, y, queries, q_y = clusters(5, 1.5, seed)
        state = head.fit(z, F.one_hot(y, N).double(), torch.ones(len(z)).double())
        return F.cross_entropy(head.logits(state, queries), q_y)

    for step in range(25):
        optimizer.zero_grad()
        loss(head, 3 * step).backward()
        optimizer.step()
    assert head.log_ridge > held.log_ridge + 1
    with torch.no_grad():
        learned, before = (sum(loss(h, 1000 + 3 * k) for k in range(10)) for h in (head, held))
    assert learned < 0.95 * before


def test_mechanism_only_support_vectors_count() -> None:
    """metaoptnet: taking away the rows without a multiplier leaves W, taking away those with one moves it."""
    z, y, *_ = clusters(8, 0.2)
    q, head = F.one_hot(y, N).double(), SVM(0.5, 1.0, 500).double()
    size = torch.full((len(z), 1), 0.5).double()
    idle = solve_dual(z @ z.T, q, size, 500).abs().amax(1) < 1e-6
    assert 3 < idle.sum() < len(z) - 3
    whole = head.fit(z, q, torch.ones(len(z)).double())
    without_idle, without_vectors = (head.fit(z, q, keep.double()) for keep in (~idle, idle))
    assert (without_idle - whole).norm() < 1e-3 * whole.norm()
    assert (without_vectors - whole).norm() > 0.05 * whole.norm()


def learned_accuracy(order: Tensor | None) -> float:
    """Of 5-way 1-shot tasks of smooth maps, whose queries are the classes' maps moved by a place in one of two ways,
    after a short training; the places of the queries' maps in their own order or in another."""
    torch.manual_seed(0)
    net = MapComparison((2, 8, 8), 8, 16).double()
    optimizer = torch.optim.Adam(net.parameters(), 0.01)

    def scores(seed: int) -> Tensor:
        maps = F.avg_pool2d(random(N, 2, 10, 10, seed=seed), 3, 1) * 3
        turned = uniform(N, seed=seed).view(-1, 1, 1, 1) < 0.5
        queries = torch.where(turned, maps.roll(1, -1), maps.roll(-1, -2)).flatten(2)
        queries = queries if order is None else queries[..., order]
        found: Tensor = net(queries.flatten(1), maps.flatten(1))
        return found

    for step in range(60):
        optimizer.zero_grad()
        F.cross_entropy(scores(step), torch.arange(N)).backward()
        optimizer.step()
    with torch.no_grad():
        right = [scores(1000 + k).argmax(1) == torch.arange(N) for k in range(20)]
    return float(torch.cat(right).double().mean())


def test_mechanism_places_of_a_map() -> None:
    """relation: the convolutions find the map that moved by a place; of the same maps with the places of the
    queries in another order they know 25 points less and more."""
    order = torch.randperm(64, generator=torch.Generator().manual_seed(0))
    whole, shuffled = learned_accuracy(None), learned_accuracy(order)
    assert whole > shuffled + 0.25, (whole, shuffled)
