"""Label propagation against a dense solve in numpy, and its graph against loops."""

import numpy as np
import pytest
import torch
from torch import Tensor

from metassl.errors import ConfigError
from metassl.heads.propagation import Propagation, nearest, propagate
from tests.support.contexts import WAY, D
from tests.support.heads import built, make_head, soft_rows
from tests.support.numbers import random


def affinity_by_loops(z: Tensor, sigma: Tensor, k: int) -> np.ndarray:
    n = len(z)
    full = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            if i != j:
                full[i, j] = np.exp(
                    -float((z[i] / sigma[i] - z[j] / sigma[j]).square().sum()) / z.shape[1] / 2
                )
    near = [set(np.argsort(-full[i])[:k]) for i in range(n)]
    return np.array(
        [[full[i, j] if j in near[i] or i in near[j] else 0.0 for j in range(n)] for i in range(n)]
    )


def test_against_a_dense_solve() -> None:
    head, (z, q, w), x = make_head("tpn"), soft_rows(), random(5, D, seed=5)
    everything = torch.cat((z, x))
    sigma = torch.nn.functional.softplus(head.bandwidth(everything)).detach()
    graph = affinity_by_loops(everything, sigma, 4)
    degree = graph.sum(1)
    walk = np.diag(degree**-0.5) @ graph @ np.diag(degree**-0.5)
    y = np.concatenate(((w.unsqueeze(-1) * q).numpy(), np.zeros((5, WAY))))
    expected = (np.linalg.inv(np.eye(len(y)) - 0.9 * walk) @ y)[len(z) :]
    torch.testing.assert_close(head.logits(head.fit(z, q, w), x), torch.from_numpy(expected))


def test_propagation_is_the_limit_of_its_steps() -> None:
    """F ← αSF + Y (Zhou et al. 2004, section 2) ends where the closed form is."""
    graph = random(6, 6).exp()
    graph = (graph + graph.T) * (1 - torch.eye(6))
    root = graph.sum(-1).rsqrt()
    y = random(6, WAY, seed=1)
    f = torch.zeros_like(y)
    for _ in range(300):
        f = 0.9 * (root.unsqueeze(1) * graph * root) @ f + y
    torch.testing.assert_close(propagate(graph, y, 0.9), f)


@pytest.mark.parametrize("k", [1, 2, 50])
def test_neighbours_are_chosen_by_either_side(k: int) -> None:
    graph = random(5, 5).exp()
    graph = (graph + graph.T) * (1 - torch.eye(5))
    found = nearest(graph, k)
    near = [set(np.argsort(-graph[i].numpy())[: min(k, 4)]) for i in range(5)]
    for i in range(5):
        for j in range(5):
            if i != j:
                assert bool(found[i, j]) == (j in near[i] or i in near[j])


def test_padded_queries_have_no_part() -> None:
    head, rows, x = make_head("tpn"), soft_rows(), random(5, D, seed=5)
    state = head.fit(*rows)
    more, weight = torch.cat((x, random(3, D, seed=6))), torch.tensor([1.0] * 5 + [0.0] * 3).double()
    torch.testing.assert_close(head.query_logits(state, more, weight)[:5], head.logits(state, x))


def test_queries_help_each_other() -> None:
    """Two moons of dots: the far end of each is nearer to the other's labelled row, but not along the dots."""
    steps = torch.arange(8).double()
    one, two = torch.stack((steps, 0 * steps), -1), torch.stack((steps, 0 * steps + 3), -1)
    head = built(lambda features: Propagation(features, 2, 0.9, 0.3, 4), 2)
    with torch.no_grad():
        head.bandwidth[-1].weight.zero_()
    labelled, ends = torch.stack((one[0], two[-1])), torch.stack((one[-1], two[0]))
    state = head.fit(labelled, torch.eye(2).double(), torch.ones(2).double())
    assert head.logits(state, ends).argmax(-1).tolist() == [1, 0]
    together = torch.cat((ends, one[1:-1], two[1:-1]))
    assert head.logits(state, together)[:2].argmax(-1).tolist() == [0, 1]


def test_unlabelled_rows_are_nodes() -> None:
    """They change the queries' logits just as if they had been queries, too."""
    head, (z, q, w), x = make_head("tpn"), soft_rows(), random(5, D, seed=5)
    u = random(4, D, seed=6)
    zero, one = torch.zeros(4, WAY).double(), torch.ones(4).double()
    read = head.fit(torch.cat((z, u)), torch.cat((q, zero)), torch.cat((w, one)))
    expected = head.logits(head.fit(z, q, w), torch.cat((x, u)))[:5]
    torch.testing.assert_close(head.logits(read, x), expected)


def test_alpha_of_the_paper_in_float32() -> None:
    """α = 0.99 costs about two digits."""
    graph = random(80, 80).exp()
    graph = (graph + graph.T) * (1 - torch.eye(80))
    y = torch.eye(80, 5).double()
    exact = propagate(graph, y, 0.99)
    found = propagate(graph.float(), y.float(), 0.99).double()
    assert (found - exact).norm() / exact.norm() < 1e-4


@pytest.mark.parametrize("alpha", [-0.1, 1.0])
def test_alpha_must_keep_the_system_solvable(alpha: float) -> None:
    with pytest.raises(ConfigError, match=r"model.head.alpha"):
        Propagation(4, alpha=alpha)


def test_mechanism_unlabelled_points_lead_a_label_to_where_distance_would_not() -> None:
    """A query nearer to class 1 takes the label of class 0 along a chain of U: its share of F goes from below
    0.01 to above 0.99; with U of somewhere else it stays below 0.01."""
    head = built(lambda features: Propagation(features, 2, 0.99, 0.3, 4), 1)
    for layer in (0, 2):
        head.bandwidth[layer].weight.data.zero_()  # the same σ everywhere
    s, query = torch.tensor([[0.0], [3.0]]).double(), torch.tensor([[2.0]]).double()
    chain = torch.cat((torch.linspace(0.2, 1.8, 9), torch.linspace(3.1, 3.4, 4))).double().unsqueeze(1)

    def share(u: Tensor) -> float:
        q = torch.cat((torch.eye(2), torch.zeros(len(u), 2))).double()
        logits = head.logits(head.fit(torch.cat((s, u)), q, torch.ones(len(q)).double()), query)[0].detach()
        return float(logits[0] / logits.sum())

    assert share(chain[:0]) < 0.01
    assert share(chain) > 0.99
    assert share(chain + 7) < 0.01
