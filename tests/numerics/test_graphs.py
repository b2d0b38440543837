"""The graph against a loop in NumPy, and where it has no edges."""

import pytest
import torch

from metassl.numerics.graphs import affinity, normalised
from tests.support.contexts import D
from tests.support.graph_and_cluster import naive_affinity
from tests.support.numbers import random


@pytest.mark.parametrize("k", [1, 3, 12, 50])
def test_affinity_against_numpy(k: int) -> None:
    x = random(13, D)
    w = affinity(x, torch.ones(13).double(), k)
    torch.testing.assert_close(w, torch.from_numpy(naive_affinity(x.numpy(), k)))
    torch.testing.assert_close(affinity(1e4 * x, torch.ones(13).double(), k), w)


@pytest.mark.parametrize("k", [2, 12])
def test_affinity_leaves_out_points_without_weight(k: int) -> None:
    x, weight = random(13, D), torch.ones(13).double()
    weight[[2, 5, 12]] = 0
    kept = weight > 0
    w = affinity(x, weight, k)
    torch.testing.assert_close(w[kept][:, kept], torch.from_numpy(naive_affinity(x[kept].numpy(), k)))
    assert w[~kept].abs().sum() == w[:, ~kept].abs().sum() == 0
    assert normalised(w).isfinite().all()
    assert (affinity(x, weight * 0, k) == 0).all()


def test_equal_points_and_lonely_points_give_no_nan() -> None:
    x = torch.zeros(5, D).double().requires_grad_()
    w = affinity(x, torch.ones(5).double(), 2)
    assert w.sum() == 20  # all are as near as can be
    slope = torch.autograd.grad(normalised(w).square().sum(), x)[0]
    assert slope.isfinite().all()
