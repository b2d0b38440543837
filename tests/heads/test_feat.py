"""FEAT against torch's attention and loops, and what its adaptation does."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from metassl.heads.feat import FEAT
from metassl.heads.prototypes import Prototypes
from tests.support.contexts import WAY, D
from tests.support.heads import built, hard_rows, make_head, soft_rows
from tests.support.numbers import random

QUERIES = random(5, D, seed=7)


def attention_of_torch(head: FEAT) -> nn.MultiheadAttention:
    """torch's own attention with the head's weights."""
    own, made = head.adapted, nn.MultiheadAttention(D, 1).double()
    made.in_proj_weight.data = torch.cat([each.weight for each in (own.query, own.key, own.value)])
    made.in_proj_bias.data.zero_()
    made.out_proj.load_state_dict(own.out.state_dict())
    return made


def transformed(head: FEAT, x: torch.Tensor) -> torch.Tensor:
    norm = head.adapted.norm
    return F.layer_norm(x + attention_of_torch(head)(x, x, x)[0], (D,), norm.gain, norm.shift)


def test_logits_against_torch_s_attention() -> None:
    head, rows = make_head("feat"), soft_rows()
    adapted = transformed(head, Prototypes().fit(*rows).p)
    expected = -torch.cdist(QUERIES, adapted).square() / 2
    torch.testing.assert_close(head.logits(head.fit(*rows), QUERIES), expected)


def test_regulariser_against_loops() -> None:
    head, (z, q, w) = make_head("feat"), hard_rows(9)
    centres = torch.stack([transformed(head, z[q[:, c] > 0]).mean(0) for c in range(WAY)])
    expected = 0.5 * F.cross_entropy(-torch.cdist(z, centres).square() / 3, q.argmax(1))
    torch.testing.assert_close(head.regulariser(z, q, w), expected)
    more = torch.cat((z, random(2, D, seed=3))), torch.cat((q, q[:2])), torch.cat((w, 0 * w[:2]))
    torch.testing.assert_close(head.regulariser(*more), expected)
    assert built(lambda features: FEAT(features, balance=0)).regulariser(z, q, w) == 0


def test_a_class_without_rows_is_not_in_the_set() -> None:
    head, (z, q, w) = make_head("feat"), soft_rows()
    expected = head.logits(head.fit(z, q, w), QUERIES)
    wider = head.fit(z, torch.cat((q, torch.zeros(len(q), 1).double()), -1), w)
    torch.testing.assert_close(head.logits(wider, QUERIES)[:, :WAY], expected)
    padded = torch.cat((q, torch.zeros(len(q), 1).double()), -1)
    torch.testing.assert_close(head.regulariser(z, padded, w), head.regulariser(z, q, w))


def test_mechanism_without_adaptation_they_are_prototypes() -> None:
    """With T the identity the logits are those of prototypes over τ, to the last digit; with T as it is drawn
    they are off by more than 1, and the prototype of a class changes with the other classes alone."""
    head, (z, q, w) = make_head("feat"), hard_rows(9)
    other = torch.where(q[:, :1] > 0, z, z.flip(-1))  # class 0 stays
    first, second = (head.fit(rows, q, w).p[0] for rows in (z, other))
    assert (first - second).abs().max() > 0.1
    found = head.logits(head.fit(z, q, w), QUERIES)
    plain = Prototypes()
    expected = plain.logits(plain.fit(z, q, w), QUERIES) / 2
    assert (found - expected).abs().max() > 1
    head.adapted = Same()
    torch.testing.assert_close(head.logits(head.fit(z, q, w), QUERIES), expected)
    assert torch.equal(head.fit(z, q, w).p[0], head.fit(other, q, w).p[0])


class Same(nn.Module):
    def forward(self, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        return x


@pytest.mark.parametrize("shots", [1, 2])
def test_gradient_of_the_regulariser_is_finite_on_equal_rows(shots: int) -> None:
    head, (z, q, w) = make_head("feat"), hard_rows(WAY * shots)
    z = (0 * z).requires_grad_()
    (slope,) = torch.autograd.grad(head.regulariser(z, q, w), z)
    assert slope.isfinite().all()
