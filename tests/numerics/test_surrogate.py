"""A scalar with a given value and a given gradient, outside and inside of functional transforms."""

import torch
from torch.func import grad_and_value, vmap

from metassl.numerics.surrogate import surrogate
from tests.support.numbers import random


def test_value_and_gradient_are_those_given() -> None:
    params = {"a": random(3).requires_grad_(), "b": random(2, 2).requires_grad_(), "c": random(1)}
    gradient = {"a": random(3, seed=1), "b": random(2, 2, seed=2)}
    value = (params["a"] ** 2).sum()
    made = surrogate(value, params, gradient)
    assert torch.equal(made, value)
    found = torch.autograd.grad(3 * made, [params["a"], params["b"]])
    assert all(torch.equal(g, 3 * gradient[n]) for g, n in zip(found, gradient, strict=True))


def test_within_vmap() -> None:
    params, tasks = {"a": random(3)}, random(4, 3)

    def loss(params: dict, task: torch.Tensor) -> torch.Tensor:
        own = (params["a"] * task).sum()  # its graph is not followed
        return surrogate(own, params, {"a": task.square()})

    gradients, values = vmap(grad_and_value(loss), (None, 0))(params, tasks)
    torch.testing.assert_close(gradients["a"], tasks.square())
    torch.testing.assert_close(values, tasks @ params["a"])
