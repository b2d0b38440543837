"""Tensors in the place of parameters, against functional_call."""

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from metassl.learners.placing import placed
from tests.support.numbers import random


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
