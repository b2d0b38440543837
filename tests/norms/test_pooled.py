"""Norm and pooling as one operation, against the two written out: values, derivatives, and many tasks at once."""

import pytest
import torch
from torch import Tensor
from torch.func import grad, vmap
from torch.nn import functional as F

from metassl.backbones.conv4 import Block
from metassl.norms.base import ALL_ROWS
from metassl.norms.kinds import make_norm
from metassl.norms.pooled import channels_last, norm_max_pool
from tests.support.numbers import random

ROWS = [None, torch.tensor([1.0, 0, 1, 1]).double()]
WEIGHT = torch.tensor([1.0, -0.5, 0.3]).double()  # a falling map takes the minimum of a window
SIDES = [(6, 6), (7, 5)]


def written_out(x: Tensor, weight: Tensor, bias: Tensor, rows: Tensor | None) -> Tensor:
    marked = x if rows is None else x[rows.bool()]
    mean, var = (
        f((0, 2, 3), keepdim=True) for f in (marked.mean, lambda *a, **k: marked.var(*a, correction=0, **k))
    )
    y = (x - mean) / (var + 1e-5).sqrt() * weight.view(1, -1, 1, 1) + bias.view(1, -1, 1, 1)
    return F.max_pool2d(y, 2)


@pytest.mark.parametrize("sides", SIDES)
@pytest.mark.parametrize("rows", ROWS)
def test_values_and_both_derivatives(rows: Tensor | None, sides: tuple[int, int]) -> None:
    given = [
        random(4, 3, *sides).requires_grad_(),
        WEIGHT.clone().requires_grad_(),
        random(3).requires_grad_(),
    ]

    def ours(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return norm_max_pool(x, weight, bias, rows, 1e-5)

    torch.testing.assert_close(ours(*given), written_out(*given, rows))
    assert torch.autograd.gradcheck(ours, given)
    assert torch.autograd.gradgradcheck(ours, given, fast_mode=True)  # along one random direction


@pytest.mark.parametrize("shared_weight", [True, False])
@pytest.mark.parametrize("rows", ROWS)
def test_many_tasks_at_once(rows: Tensor | None, shared_weight: bool) -> None:
    """An inner step in the weights, and the outer gradient through it, as MAML takes it."""
    tasks, bias = 3, random(3, seed=1)
    xs, weights = random(tasks, 4, 3, 6, 6, seed=2), WEIGHT + 0.1 * random(tasks, 3, seed=3)
    each = weights[:1].expand(tasks, -1) if shared_weight else weights

    def outer(function, x: Tensor, weight: Tensor) -> Tensor:
        def loss(w: Tensor) -> Tensor:
            moved = w - 0.1 * grad(lambda v: function(x, v, bias).sin().sum())(w)
            return (function(x, moved, bias) * function(2 * x, moved, bias)).tanh().sum()

        return grad(loss)(weight)

    expected = torch.stack([outer(lambda *a: written_out(*a, rows), xs[t], each[t]) for t in range(tasks)])
    found = vmap(lambda x, w: outer(lambda *a: norm_max_pool(*a, rows, 1e-5), x, w))(xs, each)
    torch.testing.assert_close(found, expected)


def test_of_equal_values_the_first_takes_the_gradient() -> None:
    x = torch.zeros(1, 1, 4, 4, dtype=torch.float64)
    x[0, 0, 0, 2] = 1.0  # so that there is a variance; the other three windows hold equal values
    x.requires_grad_()
    ours, theirs = (f(x, *args) for f, args in (
        (norm_max_pool, (torch.ones(1).double(), torch.zeros(1).double(), None, 1e-5)),
        (written_out, (torch.ones(1).double(), torch.zeros(1).double(), None)),
    ))  # fmt: skip
    weight = random(*ours.shape)
    found, expected = (torch.autograd.grad((y * weight).sum(), x)[0] for y in (ours, theirs))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("rows", [None, torch.ones(30)])
def test_statistics_of_large_maps_keep_their_digits(rows: Tensor | None) -> None:
    """In float32, with a mean of five deviations: 94,080 values a channel, one after the other, lose two."""
    x = channels_last(5 + random(30, 3, 56, 56))
    given = [x, WEIGHT, torch.zeros(3).double()]
    exact = norm_max_pool(*given, rows if rows is None else rows.double(), 1e-5)
    found = norm_max_pool(*(a.float() for a in given), rows, 1e-5)
    torch.testing.assert_close(found.double(), exact, rtol=0, atol=1e-5)


@pytest.mark.parametrize("norm", ["batch", "support", "running", "group"])
@pytest.mark.parametrize("training", [True, False])
def test_a_block_is_convolution_norm_relu_pool(norm: str, training: bool) -> None:
    torch.manual_seed(0)
    block = Block(2, 8, norm, 0).double().train(training)
    if norm == "running":
        block.norm.mean.copy_(random(8, seed=4))
    twin = make_norm(norm, 8).double().train(training)
    with torch.no_grad():
        for p in block.norm.parameters():
            p += random(*p.shape, seed=5)  # some scales are negative
    twin.load_state_dict(block.norm.state_dict())
    x = random(4, 2, 9, 8)
    expected = F.max_pool2d(F.relu(twin(block.conv(x))), 2)
    torch.testing.assert_close(block(channels_last(x), ALL_ROWS), expected)


def test_channels_last_of_one_channel() -> None:
    """The strides of one channel are ambiguous; these make a convolution put its channels last."""
    x = random(2, 1, 6, 6)
    assert torch.equal(channels_last(x), x)
    assert (
        Block(1, 4, "group", 0)
        .double()
        .conv(channels_last(x))
        .is_contiguous(memory_format=torch.channels_last)
    )
