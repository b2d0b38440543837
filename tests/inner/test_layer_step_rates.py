"""A rate for each layer and inner step."""

import torch

from metassl.data.pool import Pool
from metassl.inner.layer_step_rates import LayerStepRates
from tests.support.numbers import random


def test_rates_of_each_layer_and_step(tiny_pool: Pool) -> None:
    params = {"a.weight": random(3), "b": random(2)}
    inner = LayerStepRates(params, 0.1, 2)
    assert {n: p.shape for n, p in inner.named_parameters()} == {"rates.a/weight": (2,), "rates.b": (2,)}
    with torch.no_grad():
        inner.rates["a.weight"].copy_(torch.tensor([0.5, 0.25]))
    for step, rate in ((0, 0.5), (1, 0.25), (5, 0.25)):
        moved, _ = inner.update(params, None, params, step, torch.tensor(0.0))
        torch.testing.assert_close(moved["a.weight"], (1 - rate) * params["a.weight"])
        torch.testing.assert_close(moved["b"], 0.9 * params["b"])
