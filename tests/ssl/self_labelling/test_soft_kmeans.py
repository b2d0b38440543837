"""Soft k-means against loops, and what a missing class has no part in."""

import numpy as np
import pytest
import torch

from tests.support.contexts import WAY, D, S, U, context
from tests.support.numbers import close, random, softmax
from tests.support.objectives import soft_kmeans


def naive_kmeans(s: np.ndarray, y: np.ndarray, u: np.ndarray, iterations: int) -> np.ndarray:
    p = np.stack([s[y == c].mean(0) for c in range(WAY)])
    for k in range(iterations):
        z = softmax(np.array([[-sum((h - c) ** 2) for c in p] for h in u]))
        if k + 1 < iterations:
            mass = np.array([(y == c).sum() + z[:, c].sum() for c in range(WAY)])
            p = np.stack([s[y == c].sum(0) + (z[:, c : c + 1] * u).sum(0) for c in range(WAY)])
            p = p / mass[:, None]
    return z


@pytest.mark.parametrize("iterations", [1, 2, 5])
def test_soft_kmeans_against_numpy(iterations: int) -> None:
    s, u = random(S, D, seed=3).requires_grad_(), random(U, D, seed=4).requires_grad_()
    labels = soft_kmeans(iterations).label(context({"plain": u}, support=s))
    y = np.arange(S) % WAY
    close(labels.q, naive_kmeans(s.detach().numpy(), y, u.detach().numpy(), iterations))
    close(labels.q.sum(1), np.ones(U))
    close(labels.weight, np.ones(U))
    assert not labels.q.requires_grad


@pytest.mark.parametrize("iterations", [1, 2])
def test_missing_classes_get_nothing(iterations: int) -> None:
    """A class that the task lacks takes no part, whatever its padded support holds."""
    s, u = random(S, D, seed=3), random(U, D, seed=4)
    mask, weight = torch.tensor([True, True, False]), torch.tensor([1.0, 1, 0, 1, 1, 0]).double()
    given = context({"plain": u}, support=s, class_mask=mask, support_weight=weight)
    q = soft_kmeans(iterations).label(given).q
    assert (q[:, 2] == 0).all()
    close(q.sum(1), np.ones(U))
    far = torch.where(weight.bool()[:, None], s, s + 100)
    other = context({"plain": u}, support=far, class_mask=mask, support_weight=weight)
    close(soft_kmeans(iterations).label(other).q, q)
