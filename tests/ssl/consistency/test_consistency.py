"""Consistency of two views against numpy, and its ends."""

import numpy as np
import torch

from metassl.ssl.consistency.consistency import Consistency
from tests.support.contexts import WAY, D, U, context
from tests.support.numbers import close, random, softmax


def test_consistency_against_numpy() -> None:
    first, second = random(U, D, seed=1), random(U, D, seed=2)
    found = Consistency().penalty(context({"first": first, "second": second}))
    p, q = softmax(first.numpy()[:, :WAY]), softmax(second.numpy()[:, :WAY])
    close(found, np.mean([sum((a - b) ** 2) for a, b in zip(p, q, strict=True)]))


def test_consistency_is_zero_for_equal_views_and_two_at_most() -> None:
    x = random(U, D)
    assert Consistency().penalty(context({"first": x, "second": x.clone()})) == 0
    opposite = torch.zeros(U, D, dtype=torch.float64)
    one, two = opposite.clone(), opposite.clone()
    one[:, 0], two[:, 1] = 1e3, 1e3
    close(Consistency().penalty(context({"first": one, "second": two})), 2.0)


def test_consistency_has_a_gradient_through_both_views() -> None:
    views = {name: random(U, D, seed=k).requires_grad_() for k, name in enumerate(("first", "second"))}
    for gradient in torch.autograd.grad(Consistency().penalty(context(views)), list(views.values())):
        assert gradient[:, :WAY].abs().min() > 0


def test_mechanism_without_different_views_there_is_nothing_to_learn() -> None:
    """The slope in the predictor's parameters is 0 where both views are equal, and not where they differ."""
    slopes = []
    for seed in (1, 2):
        w = torch.eye(D).double()[:, :WAY].clone().requires_grad_()
        views = {"first": random(U, D, seed=1), "second": random(U, D, seed=seed)}
        made = context(views, logits=lambda z, params: z @ params["w"], params={"w": w})
        slopes.append(float(torch.autograd.grad(Consistency().penalty(made), w)[0].abs().max()))
    assert slopes[0] == 0
    assert slopes[1] > 0.05
