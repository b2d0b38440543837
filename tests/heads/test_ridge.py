"""Ridge regression against scikit-learn, in both of its forms."""

import pytest
import torch
from sklearn.linear_model import Ridge as Reference

from metassl.heads.ridge import Ridge
from tests.support.contexts import WAY, D
from tests.support.numbers import random


@pytest.mark.parametrize("n", [2, D, 9])
def test_against_scikit_learn(n: int) -> None:
    """Fewer, as many and more rows than features."""
    z, q, w = random(n, D), random(n, WAY, seed=1).softmax(-1), torch.linspace(0.1, 2, n).double()
    x = random(5, D, seed=2)
    head = Ridge(0.7, 3.0, -0.2).double()
    reference = Reference(alpha=0.7, fit_intercept=False, tol=1e-12).fit(z, q, sample_weight=w)
    torch.testing.assert_close(head.fit(z, q, w), torch.from_numpy(reference.coef_.T), rtol=1e-6, atol=1e-6)
    expected = 3 * torch.from_numpy(reference.predict(x)) - 0.2
    torch.testing.assert_close(head.logits(head.fit(z, q, w), x), expected, rtol=1e-6, atol=1e-6)


def test_both_forms_agree() -> None:
    """One more row of weight 0 makes the n×n system a D×D one."""
    head = Ridge(0.7, 1.0, 0.0).double()
    z, q, w = random(D - 1, D), random(D - 1, WAY, seed=1), torch.linspace(0.1, 2, D - 1).double()
    none = torch.zeros(2).double()
    full = head.fit(torch.cat((z, z[:2])), torch.cat((q, q[:2])), torch.cat((w, none)))
    torch.testing.assert_close(full, head.fit(z, q, w), rtol=1e-10, atol=1e-12)


def test_its_three_numbers_are_learned() -> None:
    head = Ridge(0.7, 2.0, 0.1).double()
    z, q = random(6, D), random(6, WAY, seed=1)
    logits = head.logits(head.fit(z, q, torch.ones(6).double()), random(5, D, seed=2))
    gradients = torch.autograd.grad(logits.square().sum(), list(head.parameters()))
    assert len(gradients) == 3
    assert all(g != 0 for g in gradients)
