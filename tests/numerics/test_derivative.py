"""Inner gradients by both ways of torch, against torch.func."""

import pytest
import torch
from torch import Tensor
from torch.func import grad

from metassl.numerics.derivative import gradient
from tests.support.numbers import random


def loss(at: dict[str, Tensor], other: Tensor) -> tuple[Tensor, Tensor]:
    return ((at["a"] * other).sin() * at["b"]).sum(), torch.ones(())


@pytest.mark.parametrize("order", [1, 2])
def test_a_gradient_is_that_of_func(order: int) -> None:
    theta = {"a": random(4).requires_grad_(), "b": random(4, seed=1).requires_grad_()}
    found, told = gradient(lambda at: loss(at, theta["a"]), theta, order)  # `a` comes in by another way, too
    expected = grad(lambda at: loss(at, theta["a"])[0])(theta)
    assert told == 1
    for name in theta:
        torch.testing.assert_close(found[name], expected[name])
        assert found[name].requires_grad == (order == 2)
    if order == 2:
        second = [
            torch.autograd.grad(g["a"].sum() + g["b"].sum(), list(theta.values())) for g in (found, expected)
        ]
        for ours, theirs in zip(*second, strict=True):
            torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_gradient_without_gradients(mode) -> None:
    theta = {"a": random(4), "b": random(4, seed=1)}
    with mode():
        found, _ = gradient(lambda at: loss(at, theta["a"]), theta, 2)
    assert not any(g.requires_grad for g in found.values())
    torch.testing.assert_close(found["b"], (theta["a"] * theta["a"]).sin())
