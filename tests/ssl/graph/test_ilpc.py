"""iLPC against loops over its rounds, and what its balance and its cleaning do."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from metassl.data.pool import Pool
from metassl.engine.vmap import Vmap
from metassl.errors import ConfigError
from metassl.numerics.geometry import directions
from metassl.ssl.graph.ilpc import ILPC, rank_in_class
from tests.support.agreement import assert_agree
from tests.support.contexts import WAY, D, context
from tests.support.episodes import episodes
from tests.support.learners import gradient_learner, head_learner
from tests.support.numbers import random
from tests.support.penalties import padding_is_nothing
from tests.support.terms import full


def naive(objective: ILPC, s: Tensor, u: Tensor) -> np.ndarray:
    """The labels [U] by the authors' steps, with lists that shrink and grow, and by torch's own SGD."""
    z, count = torch.cat((s, u)), len(u)
    z = F.normalize(z - z.mean(0), dim=-1)
    n, known = len(z), {i: i % WAY for i in range(len(s))}
    cosine = (z @ z.T).numpy()
    graph = np.zeros((n, n))
    for i in range(n):
        for j in sorted((j for j in range(n) if j != i), key=lambda j: -cosine[i, j])[: objective.neighbours]:
            graph[i, j] = max(cosine[i, j], 0) ** 3
    graph = graph + graph.T
    root = np.sqrt(np.maximum(graph.sum(1), 1e-300))
    system = np.eye(n) - objective.alpha * graph / root[:, None] / root
    due = np.full(WAY, count / WAY)
    for _ in range(max(1, count // (WAY * objective.best))):
        y = np.zeros((n, WAY))
        for i, c in known.items():
            y[i, c] = 1
        left = [i for i in range(n) if i not in known]
        p = np.maximum(np.linalg.solve(system, y), 0)[left]
        p = np.maximum(p, 1e-12) ** objective.power
        if objective.balance:
            for _ in range(300):
                p = p * due / p.sum(0)
                p = p / p.sum(1, keepdims=True)
        labels = dict(zip(left, p.argmax(1), strict=True))
        everything = {**known, **labels}
        losses = trained(objective, z, [everything[i] for i in range(n)], len(s))
        for c in range(WAY):
            mine = sorted((i for i in left if labels[i] == c), key=lambda i: losses[i])[: objective.best]
            known |= {i: c for i in mine}
            due[c] -= len(mine)
        if len(known) == n:
            break
    final = {**labels, **known}
    return np.array([final[i] for i in range(len(s), n)])


def trained(objective: ILPC, z: Tensor, labels: list[int], supports: int) -> np.ndarray:
    linear = torch.nn.Linear(z.shape[1], WAY).double()
    with torch.no_grad():
        linear.bias.zero_()
        linear.weight.copy_(torch.stack([z[c:supports:WAY].mean(0) for c in range(WAY)]))
    sgd = torch.optim.SGD(linear.parameters(), 0.1, momentum=0.9, weight_decay=5e-4)
    total = torch.zeros(len(z)).double()
    for _ in range(objective.steps):
        each = F.cross_entropy(linear(z), torch.tensor(labels), reduction="none")
        total += each.detach()
        sgd.zero_grad()
        each.mean().backward()
        sgd.step()
    return total.numpy()


@pytest.mark.parametrize("balance", [True, False])
@pytest.mark.parametrize("best", [1, 2, 30])
def test_rounds_against_loops(balance: bool, best: int) -> None:
    objective = ILPC(0.8, 4, 3.0, balance, best, 20)
    s, u = random(6, D, seed=3), random(12, D, seed=4)
    q = objective.label(context({"plain": u}, s)).q
    np.testing.assert_array_equal(q.argmax(-1).numpy(), naive(objective, s, u))
    assert (q.sum(-1) == 1).all()
    if balance and best == 1:
        assert q.sum(0).tolist() == [4, 4, 4]  # to the last image


def blurred(sizes: list[int], seed: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    """S, U of these sizes, in directions that overlap, and U's labels."""
    y = torch.repeat_interleave(torch.arange(WAY), torch.tensor(sizes))
    centres = torch.eye(WAY, 10).double() + 0.4
    return centres, centres[y] + 0.45 * random(len(y), 10, seed=seed), y


def right(objective: ILPC, given: tuple[Tensor, Tensor, Tensor]) -> float:
    s, u, y = given
    q = objective.label(context({"plain": u}, s, support_y=torch.arange(WAY))).q
    return float((q.argmax(-1) == y).double().mean())


def test_mechanism_balance_is_right_where_u_is_balanced_and_wrong_where_not() -> None:
    even, uneven = blurred([10, 10, 10]), blurred([24, 3, 3])
    with_, without = ILPC(balance=True), ILPC(balance=False)
    assert right(with_, uneven) < right(without, uneven) - 0.2
    assert right(with_, even) >= right(without, even)


def test_mechanism_the_classifier_learns_right_labels_first() -> None:
    """Of labels by one round: accuracy of the three of each class with the smallest loss, and the largest."""
    kept, worst = [], []
    for seed in range(8):
        s, u, y = blurred([10, 10, 10], seed)
        objective, given = ILPC(best=99), context({"plain": u}, s, support_y=torch.arange(WAY))
        q, live = objective.label(given).q, given.episode.class_mask
        x = directions(torch.cat((s, u)), torch.ones(WAY + 30).double())
        labels = torch.cat((torch.eye(WAY).double(), q))
        loss = objective.losses(x, labels, torch.ones(len(x)).double(), x[:WAY], live)[WAY:]
        correct, left = q.argmax(-1) == y, torch.ones(30, dtype=torch.bool)
        kept.append(correct[rank_in_class(loss, q, left) < 3].double().mean())
        worst.append(correct[rank_in_class(-loss, q, left) < 3].double().mean())
    assert sum(kept) / 8 > 0.95
    assert sum(worst) / 8 < 0.8


def test_padding_classes_and_images() -> None:
    padding_is_nothing(ILPC(neighbours=3, best=1, steps=5))


@pytest.mark.parametrize("make", [gradient_learner, head_learner])
def test_loop_and_vmap_agree(tiny_pool: Pool, make) -> None:
    learner = make("support", full(ILPC(neighbours=3, best=1, steps=5), "both"))
    assert_agree(learner, episodes(tiny_pool, learner.ssl, 2), (Vmap(2),))


@pytest.mark.parametrize(
    ("key", "value"), [("alpha", 1.0), ("neighbours", 0), ("power", 0.0), ("best", 0), ("steps", 0)]
)
def test_numbers_that_can_not_work_are_one_line(key: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"^ssl.objective.{key}: found [\d.]+, allowed is .*\.$"):
        ILPC(**{key: value})  # type: ignore[arg-type]
