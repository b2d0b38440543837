"""The in-context head: what its loops, unlabelled rows and classes do."""

import copy

import pytest
import torch
from torch.nn import functional as F

from metassl.errors import ConfigError
from metassl.heads.in_context import InContext
from metassl.heads.layer_norm import LayerNorm
from tests.support.contexts import WAY, D
from tests.support.heads import built, hard_rows, make_head, soft_rows
from tests.support.numbers import random

QUERIES = random(5, D, seed=7)


def test_loops_are_the_same_blocks_again() -> None:
    """Two loops of one block are one loop of two equal blocks."""
    looped, stacked = make_head("in_context"), built(lambda features: InContext(features, 8, 2, 2, 1, 8))
    for name in ("item", "readout"):
        getattr(stacked, name).load_state_dict(getattr(looped, name).state_dict())
    stacked.label, stacked.unknown = looped.label, looped.unknown
    stacked.blocks = torch.nn.ModuleList(copy.deepcopy(looped.blocks[0]) for _ in range(2))
    rows = soft_rows()
    expected = looped.logits(looped.fit(*rows), QUERIES)
    torch.testing.assert_close(stacked.logits(stacked.fit(*rows), QUERIES), expected)


def test_more_loops_change_the_answer_and_not_the_parameters() -> None:
    one, two = make_head("in_context"), make_head("in_context")
    one.loops = 1
    rows = soft_rows()
    first, second = (head.logits(head.fit(*rows), QUERIES) for head in (one, two))
    assert (first - second).abs().max() > 1e-3
    assert sum(p.numel() for p in one.parameters()) == sum(p.numel() for p in two.parameters())


def test_unlabelled_rows_change_the_logits() -> None:
    head, (z, q, w) = make_head("in_context"), hard_rows()
    zero = torch.zeros(4, WAY).double()
    found = []
    for u in (random(4, D, seed=3), random(4, D, seed=4)):
        rows = torch.cat((z, u)), torch.cat((q, zero)), torch.cat((w, torch.ones(4).double()))
        found.append(head.logits(head.fit(*rows), QUERIES))
    assert (found[0] - found[1]).abs().max() > 1e-3


def test_one_layer_sees_unlabelled_rows_but_can_not_tell_classes_by_them() -> None:
    """With one layer a row of U is the same for all classes: it enters none's token in its own way."""
    head, (z, q, w) = make_head("in_context"), hard_rows(3)
    head.loops = 1
    u, zero = random(4, D, seed=3), torch.zeros(4, WAY).double()
    state = head.fit(torch.cat((z, u)), torch.cat((q, zero)), torch.cat((w, torch.ones(4).double())))
    tokens = state.layers[0][3:]
    torch.testing.assert_close(tokens, tokens[:, :1].expand_as(tokens))
    head.loops = 2
    again = head.fit(torch.cat((z, u)), torch.cat((q, zero)), torch.cat((w, torch.ones(4).double())))
    deeper = again.layers[1][3:]
    assert (deeper - deeper[:, :1]).abs().max() > 1e-3


def test_a_query_is_read_as_an_unlabelled_item() -> None:
    """The token of a query after each layer is that of the same image in U."""
    head, (z, q, w) = make_head("in_context"), hard_rows()
    u, zero = QUERIES[:1], torch.zeros(1, WAY).double()
    state = head.fit(torch.cat((z, u)), torch.cat((q, zero)), torch.cat((w, torch.ones(1).double())))
    torch.testing.assert_close(head._tokens(u, zero), state.layers[0][-1:])
    stepped = head.blocks[0](head._tokens(u, zero), state.layers[0], state.w, state.live)
    torch.testing.assert_close(stepped, state.layers[1][-1:])


def test_a_class_without_rows_has_no_part() -> None:
    """Four classes, the last of them empty, against three."""
    head, (z, q, w) = make_head("in_context"), soft_rows()
    expected = head.logits(head.fit(z, q, w), QUERIES)
    wider = head.fit(z, torch.cat((q, torch.zeros(len(q), 1).double()), -1), w)
    torch.testing.assert_close(head.logits(wider, QUERIES)[:, :WAY], expected)


def test_weight_2_is_the_row_twice() -> None:
    head, (z, q, _) = make_head("in_context"), hard_rows(6)
    twice = head.fit(torch.cat((z, z[:2])), torch.cat((q, q[:2])), torch.ones(8).double())
    once = head.fit(z, q, torch.tensor([2.0, 2, 1, 1, 1, 1]).double())
    torch.testing.assert_close(head.logits(once, QUERIES), head.logits(twice, QUERIES))


def test_layer_norm_is_torch_s() -> None:
    norm, x = LayerNorm(8).double(), random(5, 8)
    torch.testing.assert_close(norm(x), F.layer_norm(x, (8,), norm.gain, norm.shift))


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(ConfigError, match=r"model.head.heads: found 3"):
        InContext(4, width=8, heads=3, blocks=1, loops=1, hidden=8)
