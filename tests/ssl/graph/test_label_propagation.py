"""Label propagation against scikit-learn and its series."""

import numpy as np
import pytest
import torch
from sklearn.semi_supervised import LabelSpreading
from torch import Tensor

from metassl.errors import ConfigError
from metassl.ssl.graph.label_propagation import LabelPropagation
from tests.support.contexts import WAY, D, S, U, context
from tests.support.graph_and_cluster import naive_affinity
from tests.support.numbers import random


def spread_by(objective: LabelPropagation, s: Tensor, u: Tensor) -> Tensor:
    return objective.label(context({"plain": u}, support=s)).q


@pytest.mark.parametrize("alpha", [0.2, 0.8])
def test_label_propagation_against_scikit_learn(alpha: float) -> None:
    s, u = random(S, D, seed=3), random(12, D, seed=4)
    q = spread_by(LabelPropagation(alpha, 5, "one"), s, u)
    x, y = np.concatenate((s.numpy(), u.numpy())), np.array([*(np.arange(S) % WAY), *[-1] * 12])
    other = LabelSpreading(kernel=lambda a, b: naive_affinity(a, 5), alpha=alpha, max_iter=2000, tol=1e-14)
    other.fit(x, y)
    torch.testing.assert_close(q, torch.from_numpy(other.label_distributions_[S:]), rtol=1e-9, atol=1e-9)


def test_label_propagation_against_its_series() -> None:
    """(I - αA)⁻¹ Y = Σ_t α^t A^t Y; and the weight is 1 - H/log N."""
    s, u = random(S, D, seed=3), random(U, D, seed=4)
    w = naive_affinity(np.concatenate((s.numpy(), u.numpy())), 4)
    a = w / np.sqrt(np.outer(w.sum(0), w.sum(0)))
    f = y = np.concatenate((np.eye(WAY)[np.arange(S) % WAY], np.zeros((U, WAY))))
    for _ in range(400):
        f = 0.8 * a @ f + y
    q = f[S:] / f[S:].sum(1, keepdims=True)
    labels = LabelPropagation(0.8, 4, "entropy").label(context({"plain": u}, support=s))
    torch.testing.assert_close(labels.q, torch.from_numpy(q))
    torch.testing.assert_close(labels.weight, torch.from_numpy(1 + (q * np.log(q)).sum(1) / np.log(WAY)))
    assert not labels.q.requires_grad


def test_an_image_that_no_label_reaches_is_worth_nothing() -> None:
    s = random(S, D, seed=3)
    u = torch.cat((random(3, D, seed=4), 1e3 + 0.1 * random(4, D, seed=5)))
    labels = LabelPropagation(0.9, 2, "one").label(context({"plain": u}, support=s))
    assert labels.weight.tolist() == [1, 1, 1, 0, 0, 0, 0]
    assert (labels.q[3:] == 1 / WAY).all()


def test_an_unknown_confidence_is_one_line() -> None:
    with pytest.raises(
        ConfigError, match=r"^ssl.objective.confidence: found 'entropi'. Did you mean 'entropy'"
    ):
        LabelPropagation(0.8, 3, "entropi")
