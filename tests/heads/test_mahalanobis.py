"""The Mahalanobis head against numpy, and what its covariances are for."""

import numpy as np
import torch

from metassl.heads.mahalanobis import Mahalanobis
from tests.support.contexts import WAY, D
from tests.support.heads import hard_rows, soft_rows
from tests.support.numbers import random

QUERIES = random(5, D, seed=7)


def by_numpy(z, q, w, x, ridge: float) -> np.ndarray:
    """Loops over classes and queries; np.cov with weights stands for the sums."""
    z, q, w, x = (each.numpy() for each in (z, q, w, x))
    mass = w * q.sum(1)
    off = z - np.average(z, axis=0, weights=mass)
    whole = (mass[:, None, None] * off[:, :, None] * off[:, None, :]).sum(0) / max(mass.sum() - 1, 1)
    found = np.zeros((len(x), q.shape[1]))
    for c in range(q.shape[1]):
        own = w * q[:, c]
        share = own.sum() / (own.sum() + 1)
        of_class = np.cov(z.T, aweights=own, ddof=0)
        spread = share * of_class + (1 - share) * whole + ridge * np.eye(z.shape[1])
        near = x - np.average(z, axis=0, weights=own)
        found[:, c] = [-d @ np.linalg.solve(spread, d) / 2 for d in near]
    return found


def test_against_numpy_with_hard_and_soft_labels() -> None:
    head = Mahalanobis(0.7)
    for rows in (hard_rows(12), soft_rows(12)):
        found = head.logits(head.fit(*rows), QUERIES)
        np.testing.assert_allclose(found.numpy(), by_numpy(*rows, QUERIES, 0.7), rtol=1e-9)


def test_one_row_a_class_leans_on_the_task_alone() -> None:
    """λ = 1/2 and Σ_c = 0: one precision for all classes."""
    rows = hard_rows(WAY)
    state = Mahalanobis().fit(*rows)
    expected = torch.linalg.inv(torch.cov(rows[0].T) / 2 + torch.eye(D))
    torch.testing.assert_close(state.precision, expected.expand(WAY, -1, -1))


def test_mechanism_the_spread_of_a_class_counts() -> None:
    """Class 0 spreads along the first axis, class 1 hardly at all: a point on the axis that is nearer to the
    mean of class 1 is of class 0. Distances alone, the limit of a large β, say class 1."""
    along = torch.linspace(-6, 6, 7, dtype=torch.float64)
    z = torch.cat((torch.stack((along, 0 * along), 1), torch.tensor([[9.0, 0.0]] * 7)))
    q = torch.eye(2).double().repeat_interleave(7, 0)
    w, point = torch.ones(14).double(), torch.tensor([[5.5, 0.0]]).double()
    for ridge, expected in ((1.0, 0), (1e6, 1)):
        head = Mahalanobis(ridge)
        assert head.logits(head.fit(z, q, w), point).argmax() == expected
