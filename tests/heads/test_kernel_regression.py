"""Kernel regression against loops, and the heads whose part it plays for values."""

import pytest
import torch

from metassl.heads.cosine_attention import CosineAttention
from metassl.heads.generated import GeneratedLinear
from metassl.heads.kernel_regression import KernelRegression, minus_squared_distances
from metassl.heads.prototypes import Prototypes
from metassl.heads.ridge import Ridge
from metassl.outcomes.classification import CLASSES
from metassl.outcomes.ranking import Ranking
from metassl.outcomes.regression import Regression
from tests.support.numbers import random

Z, Q, W, NEW = (
    random(5, 3, seed=0),
    random(5, 2, seed=1),
    torch.tensor([1, 0.5, 1, 2, 0]).double(),
    random(4, 3, seed=2),
)


def test_against_loops() -> None:
    head = KernelRegression(minus_squared_distances)
    found = head.logits(head.fit(Z, Q, W), NEW)
    for j, z in enumerate(NEW):
        k = [w * torch.exp(-(z - row).square().sum()) for row, w in zip(Z, W, strict=True)]
        expected = sum(a * q for a, q in zip(k, Q, strict=True)) / sum(k)
        torch.testing.assert_close(found[j], expected)


@pytest.mark.parametrize("make", [Prototypes, CosineAttention, Ridge, lambda: GeneratedLinear(3).double()])
def test_heads_of_values(make) -> None:
    """The order of the rows and rows without weight make no difference; a far constant is learned."""
    torch.manual_seed(0)
    head = make().of(Regression())
    whole = head.logits(head.fit(Z, Q, W), NEW)
    order = torch.tensor([3, 0, 4, 1, 2])
    torch.testing.assert_close(head.logits(head.fit(Z[order], Q[order], W[order]), NEW), whole)
    torch.testing.assert_close(head.logits(head.fit(Z[:4], Q[:4], W[:4]), NEW), whole)
    assert whole.shape == (4, 2)


def test_a_constant_is_predicted_as_it_is() -> None:
    for head in (Prototypes(), CosineAttention(), GeneratedLinear(3).double()):
        part = head.of(Regression())
        found = part.logits(part.fit(Z, torch.full_like(Q, 7.0), W), NEW)
        torch.testing.assert_close(found, torch.full((4, 2), 7.0).double())


def test_classes_and_orders_get_their_own() -> None:
    for head in (Prototypes(), CosineAttention(), GeneratedLinear(3), Ridge()):
        assert head.of(CLASSES) is head
    assert isinstance(Prototypes().of(Ranking()), KernelRegression)


def test_generated_values_start_as_ridge_regression_with_an_intercept() -> None:
    """Against the normal equations of the centred system, whatever the weights."""
    head = GeneratedLinear(3).double().of(Regression())
    found = head.logits(head.fit(Z, Q, W), NEW)
    rows = torch.cat((Z, torch.ones(5, 1).double()), dim=1)
    price = torch.diag(torch.tensor([1.0, 1, 1, 0])).double()  # the intercept is free
    solved = torch.linalg.solve(rows.T @ (W.unsqueeze(1) * rows) + price, rows.T @ (W.unsqueeze(1) * Q))
    torch.testing.assert_close(found, torch.cat((NEW, torch.ones(4, 1).double()), dim=1) @ solved)
