"""Tensors in the place of parameters, against functional_call; and inner gradients by both ways of torch."""

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad

from metassl.learners.placing import placed
from metassl.numerics.derivative import gradient
from tests.tasks import random


class Tied(nn.Module):
    """Two layers with the same weights, and a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.second = nn.Linear(3, 3)
        self.second.weight, self.second.bias = self.first.weight, self.first.bias
        self.register_buffer("offset", torch.zeros(3))

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x).tanh()) + self.offset


def test_is_functional_call() -> None:
    module, x = Tied().double(), random(2, 3)
    values = {n: random(*p.shape, seed=k) for k, (n, p) in enumerate(module.named_parameters())}
    values["offset"] = random(3, seed=9)
    before = module(x)
    with placed(module, values):
        found = module(x)
        with placed(module, {"offset": torch.zeros(3).double()}):  # one within another
            inside = module(x)
        assert torch.equal(module(x), found)
    torch.testing.assert_close(found, functional_call(module, values, (x,)))
    torch.testing.assert_close(inside, found - values["offset"])
    assert torch.equal(module(x), before)


def test_all_comes_back_after_an_error() -> None:
    module = Tied()
    kept = dict(module.named_parameters())
    with (
        pytest.raises(KeyError, match="nonesuch"),
        placed(module, {"first.weight": torch.zeros(3, 3), "nonesuch": 1}),
    ):  # type: ignore[dict-item]
        pass
    assert all(p is kept[n] for n, p in module.named_parameters())


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
