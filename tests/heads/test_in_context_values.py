"""The in-context head where tasks ask for values, against a second implementation and what it promises.

Legend: K values of an item, n labelled rows, U unlabelled, m items, D features, W width.
"""

from typing import Any

import torch
from torch import Tensor
from torch.func import vmap
from torch.nn import functional as F

from metassl.heads.in_context import InContext
from metassl.outcomes.classification import CLASSES
from metassl.outcomes.ranking import Ranking
from metassl.outcomes.regression import Regression
from tests.support.numbers import random

D, K = 3, 2
Z, Q, W = random(6, D), 5 + 3 * random(6, K, seed=1), torch.linspace(0.2, 1, 6).double()
U, V = random(4, D, seed=2), torch.linspace(1, 0.2, 4).double()
NEW = random(5, D, seed=3)


def owner(features: int = D) -> InContext:
    torch.manual_seed(0)
    return InContext(features, width=8, heads=2, blocks=2, loops=1, hidden=8).double()


def predict(z: Tensor, q: Tensor, w: Tensor, u: Tensor = U, v: Tensor = V, new: Tensor = NEW) -> Tensor:
    head = owner().of(Regression())
    return head.logits(head.fit_with_unlabelled(z, q, w, u, v), new)


def norm(part: Any, x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], part.gain, part.shift)


def layer_by_hand(block: Any, tokens: Tensor, seen: Tensor) -> Tensor:
    """All tokens [n, W] of one value at once, with torch's own norm and attention; seen [n, n] log-weights."""

    def split(x: Tensor) -> Tensor:
        return x.view(len(x), block.heads, -1).transpose(0, 1)

    key, value = block.key(norm(block.near, tokens)), block.value(norm(block.before, tokens))
    found = F.scaled_dot_product_attention(split(key), split(key), split(value), attn_mask=seen)
    tokens = tokens + block.out(found.transpose(0, 1).flatten(1))
    tokens = tokens + block.classes(norm(block.between, tokens))
    return tokens + block.network[1:](norm(block.network[0], tokens))


def test_against_a_second_implementation() -> None:
    """One value: S, U and the queries in one sequence, whose columns of the queries nobody sees."""
    head, q = owner(), Q[:, :1]
    mean = (W @ q) / W.sum()
    scale = ((W @ (q - mean).square()) / W.sum()).sqrt()
    items = head.item(torch.cat((Z, U, NEW)))
    known = (q - mean) / scale * head.label
    tokens = items + torch.cat((known, head.unknown.expand(9, -1)))
    seen = torch.cat((W, V, torch.zeros(5).double())).log().expand(15, -1)
    for block in head.blocks:
        tokens = layer_by_hand(block, tokens, seen)
    expected = mean + scale * head.readout(tokens[10:])
    torch.testing.assert_close(predict(Z, q, W), expected)


def test_a_row_of_zeros_is_a_value_and_not_one_without() -> None:
    zero = torch.cat((Q - Q.mean(0), torch.zeros(4, K).double()))
    labelled = predict(torch.cat((Z, U)), zero, torch.cat((W, V)), U[:0], V[:0])
    assert (labelled - predict(Z, zero[:6], W)).abs().max() > 1e-2


def test_another_unit_of_the_values_is_that_of_the_predictions() -> None:
    unit, zero = torch.tensor([100.0, 0.01]).double(), torch.tensor([-7.0, 2.0]).double()
    torch.testing.assert_close(predict(Z, zero + unit * Q, W), zero + unit * predict(Z, Q, W))


def test_the_order_of_rows_and_of_values_makes_no_difference() -> None:
    rows, free = torch.tensor([3, 0, 5, 2, 1, 4]), torch.tensor([2, 3, 0, 1])
    found = predict(Z[rows], Q[rows].flip(1), W[rows], U[free], V[free])
    torch.testing.assert_close(found, predict(Z, Q, W).flip(1))


def test_rows_of_weight_0_have_no_part_and_weight_2_is_the_row_twice() -> None:
    expected = predict(Z, Q, W)
    far = torch.cat((Z, 30 * Z[:2])), torch.cat((Q, 1e4 * Q[:2])), torch.cat((W, torch.zeros(2).double()))
    free = torch.cat((U, 30 * U[:2])), torch.cat((V, torch.zeros(2).double()))
    torch.testing.assert_close(predict(*far, *free), expected)
    twice = predict(torch.cat((Z, Z[:1])), torch.cat((Q, Q[:1])), torch.cat((W, W[:1])))
    doubled = W.clone()
    doubled[0] *= 2
    torch.testing.assert_close(predict(Z, Q, doubled), twice)


def test_queries_do_not_see_each_other_and_unlabelled_rows_are_seen() -> None:
    whole = predict(Z, Q, W)
    torch.testing.assert_close(torch.cat([predict(Z, Q, W, new=x) for x in NEW.split(1)]), whole)
    assert (predict(Z, Q, W, U + 1, V) - whole).abs().max() > 1e-3


def test_gradients_against_differences() -> None:
    inputs = tuple(x.clone().requires_grad_() for x in (Z, Q, W, U, V, NEW))
    assert torch.autograd.gradcheck(predict, inputs, fast_mode=True)


def test_equal_values_are_predicted_in_their_own_unit_with_finite_gradients() -> None:
    """A task of one labelled row, too, has no scale."""
    q = torch.full_like(Q, 7.0).requires_grad_()
    found = predict(Z, q, W)
    assert all(g.isfinite().all() for g in torch.autograd.grad(found.sum(), (q,)))
    assert (found - 7).abs().max() > 1e-2  # not held to the mean by a scale of nearly 0
    torch.testing.assert_close(predict(Z, q + 3, W), found + 3)


def test_tasks_side_by_side_are_tasks_one_by_one() -> None:
    head, tasks = owner().of(Regression()), [random(4, *x.shape, seed=9) for x in (Z, Q, U, NEW)]

    def one(z: Tensor, q: Tensor, u: Tensor, new: Tensor) -> Tensor:
        return head.logits(head.fit_with_unlabelled(z, q, W, u, V), new)

    expected = torch.stack([one(*task) for task in zip(*tasks, strict=True)])
    torch.testing.assert_close(vmap(one)(*tasks), expected)


def test_far_values_keep_their_digits_under_autocast() -> None:
    head = owner().float().of(Regression())
    z, q, w, new = Z.bfloat16(), 1000 + Q.float(), W.float(), NEW.bfloat16()
    expected = head.logits(head.fit(z.float(), q, w), new.float())
    with torch.autocast("cpu", torch.bfloat16):
        found = head.logits(head.fit(z, q, w), new)
    torch.testing.assert_close(found, expected, rtol=0, atol=0.3)  # bfloat16 steps by 8 there


def test_values_and_orders_share_the_networks_of_classes() -> None:
    head = owner()
    assert head.of(CLASSES) is head
    for outcome in (Regression(), Ranking()):
        shared = {id(p) for p in head.of(outcome).parameters()}
        assert shared <= {id(p) for p in head.parameters()}


def lines(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Inputs [T, 12, 1] and values [T, 12, 1] of tasks y = a z, a ~ N(0, 1): nothing is known of a before S."""
    draw = torch.Generator().manual_seed(seed)
    z = 2 * torch.randn(count, 12, 1, generator=draw)
    return z, z @ torch.randn(count, 1, 1, generator=draw)


def test_mechanism_which_value_belongs_to_which_input() -> None:
    """in_context: after a short training, the values of 6 labelled rows handed on to the next row each; their mean
    and scale stay. The values' variance is 3.9."""
    torch.manual_seed(0)
    owner = InContext(1, width=16, heads=2, blocks=2, loops=1, hidden=32)
    head, optimizer = owner.of(Regression()), torch.optim.Adam(owner.parameters(), 0.01)

    def answer(z: Tensor, q: Tensor, new: Tensor) -> Tensor:
        return head.logits(head.fit(z, q, torch.ones(6)), new)

    def error(z: Tensor, y: Tensor, labels: Tensor) -> Tensor:
        return (vmap(answer)(z[:, :6], labels, z[:, 6:]) - y[:, 6:]).square().mean()

    for step in range(30):
        z, y = lines(32, step)
        optimizer.zero_grad()
        error(z, y, y[:, :6]).backward()
        optimizer.step()
    z, y = lines(256, 100_000)
    with torch.no_grad():
        right, wrong = (float(error(z, y, labels)) for labels in (y[:, :6], y[:, :6].roll(1, 1)))
    assert right < 2
    assert wrong > 4
