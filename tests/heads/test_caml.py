"""CAML's sequences against torch's own transformer layer, and what its labels are for."""

import pytest
import torch
from torch import Tensor, nn

from metassl.errors import ConfigError
from metassl.heads.caml import CAML, elmes
from metassl.tasks.spec import TaskSpec
from tests.support.contexts import WAY, D
from tests.support.heads import built, hard_rows, soft_rows
from tests.support.learners import scramble
from tests.support.numbers import random

QUERIES = random(5, D, seed=7)
SPEC = TaskSpec(way=WAY, input_shape=(D,))


def caml(layers: int = 2) -> CAML:
    head = built(lambda features: CAML(features, SPEC, labels=6, heads=2, layers=layers, hidden=8))
    scramble(head)
    return head


def layer_of_torch(head: CAML, k: int) -> nn.TransformerEncoderLayer:
    """Pre-norm layer k with the head's weights."""
    own = head.blocks[k]
    made = nn.TransformerEncoderLayer(D + 6, 2, 8, 0.0, "gelu", batch_first=True, norm_first=True).double()
    made.self_attn.in_proj_weight.data, made.self_attn.in_proj_bias.data = (
        own.projections.weight.data, own.projections.bias.data,
    )  # fmt: skip
    made.self_attn.out_proj.load_state_dict(own.out.state_dict())
    made.linear1.load_state_dict(own.network[0].state_dict())
    made.linear2.load_state_dict(own.network[2].state_dict())
    for norm, mine in ((made.norm1, own.before), (made.norm2, own.between)):
        norm.weight.data, norm.bias.data = mine.gain.data, mine.shift.data
    return made


def test_a_query_s_sequence_against_torch_s_layers() -> None:
    head, (z, q, _) = caml(), hard_rows(6)
    u = random(4, D, seed=3)
    rows = torch.cat((z, u)), torch.cat((q, torch.zeros(4, WAY).double())), torch.ones(10).double()
    found = head.logits(head.fit(*rows), QUERIES)
    labels = head.scale * head.labels[q.argmax(1)]
    for j, x in enumerate(QUERIES):
        items = torch.cat((x[None], z, u))
        unknown = head.unknown.expand(4, -1)
        tokens = torch.cat((items, torch.cat((head.unknown[None], labels, unknown))), 1)[None]
        for k in range(2):
            tokens = layer_of_torch(head, k)(tokens)
        torch.testing.assert_close(head.readout(tokens[:, 0])[0], found[j])


def test_rows_order_weights_and_other_queries() -> None:
    head, (z, q, w) = caml(), soft_rows()
    expected = head.logits(head.fit(z, q, w), QUERIES)
    order = torch.randperm(len(z))
    torch.testing.assert_close(head.logits(head.fit(z[order], q[order], w[order]), QUERIES), expected)
    more = torch.cat((z, random(2, D, seed=3))), torch.cat((q, q[:2])), torch.cat((w, 0 * w[:2]))
    torch.testing.assert_close(head.logits(head.fit(*more), QUERIES), expected)
    alone = torch.cat([head.logits(head.fit(z, q, w), x[None]) for x in QUERIES])
    torch.testing.assert_close(alone, expected)


def test_gradients_against_differences() -> None:
    head, (z, q, w) = caml(1), soft_rows(5)
    inputs = tuple(x.clone().requires_grad_() for x in (z, q, w, QUERIES))
    assert torch.autograd.gradcheck(
        lambda z, q, w, x: head.logits(head.fit(z, q, w), x), inputs, fast_mode=True
    )


@pytest.mark.parametrize("count", [2, 3, 7])
def test_elmes_are_equally_long_and_equally_far(count: int) -> None:
    labels = elmes(count, 9).double()
    expected = torch.full((count, count), -1 / (count - 1), dtype=torch.float64).fill_diagonal_(1)
    torch.testing.assert_close(labels @ labels.T, expected, rtol=0, atol=1e-6)


def renaming(labels: Tensor) -> Tensor:
    """Largest change of a length or angle among the labels when the classes are renamed."""
    gram = labels @ labels.T
    names = [torch.randperm(len(labels), generator=torch.Generator().manual_seed(k)) for k in range(20)]
    return torch.stack([(gram[order][:, order] - gram).abs().max() for order in names]).max()


def test_mechanism_other_names_are_a_rotation_of_equiangular_labels() -> None:
    """Nothing that lengths and angles say changes (below 1e-6); of random labels of the same length it does."""
    drawn = torch.randn(WAY, 9, generator=torch.Generator().manual_seed(0))
    assert renaming(elmes(WAY, 9)) < 1e-6
    assert renaming(drawn / drawn.norm(dim=1, keepdim=True)) > 0.1


def test_sizes_that_can_not_be() -> None:
    with pytest.raises(ConfigError, match=r"model.head.heads: found 3"):
        CAML(4, SPEC, labels=6, heads=3)
    with pytest.raises(ConfigError, match=r"model.head.labels: found 2"):
        CAML(4, SPEC, labels=2)
