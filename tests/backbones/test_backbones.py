"""What a backbone promises about shapes and rows, and each one against its paper."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from metassl.backbones.adapter import Adapter
from metassl.backbones.base import Backbone
from metassl.backbones.blocks import Blocks
from metassl.backbones.conv4 import Block, Conv4
from metassl.backbones.mlp import MLP
from metassl.backbones.raw import Raw
from metassl.backbones.resnet12 import ResNet12
from metassl.errors import ConfigError
from metassl.norms.base import ALL_ROWS, Pass
from metassl.tasks.spec import TaskSpec
from tests.support.learners import NORMS
from tests.support.numbers import random


def build(name: str, norm: str) -> Backbone:
    torch.manual_seed(0)
    return {
        "conv4": lambda: Conv4((1, 16, 16), 4, norm),
        "resnet12": lambda: ResNet12((1, 16, 16), [4, 4, 8, 8], norm),
        "mlp": lambda: MLP((1, 16, 16), [8, 5], norm),
        "adapter": lambda: Adapter((1, 16, 16), [8, 5], norm),
        "raw": lambda: Raw((1, 16, 16), norm),
        "blocks": lambda: Blocks((1, 16, 16), None, 3, [8, 5], norm),
    }[name]().double()


@pytest.mark.parametrize("norm", ["support", "batch", "group"])
@pytest.mark.parametrize("name", ["conv4", "resnet12", "mlp", "adapter", "raw", "blocks"])
def test_rows_of_weight_zero_change_nothing(name: str, norm: str) -> None:
    backbone = build(name, norm)
    support, queries = random(5, 1, 16, 16), random(4, 1, 16, 16, seed=1)
    alone = backbone(support)
    for extra in (queries, queries[:1], 9 * queries):
        rows = torch.cat((torch.ones(5), torch.zeros(len(extra)))).double()
        both = backbone(torch.cat((support, extra)), Pass(rows))
        torch.testing.assert_close(both[:5], alone)
    one = backbone(torch.cat((support, queries[:1])), Pass(torch.tensor([1.0] * 5 + [0]).double()))
    rows = torch.tensor([1.0] * 5 + [0] * 4).double()
    torch.testing.assert_close(backbone(torch.cat((support, queries)), Pass(rows))[5], one[5])


@pytest.mark.parametrize("norm", ["running", "batch", "support", "group"])
@pytest.mark.parametrize("name", ["conv4", "resnet12", "mlp", "adapter", "raw", "blocks"])
def test_shapes_and_what_the_norm_says(name: str, norm: str) -> None:
    backbone = build(name, norm)
    assert backbone(random(3, 1, 16, 16)).shape == (3, backbone.out_dim)
    assert backbone.traits.transductive == (norm == "batch")
    assert backbone.traits.from_support == (norm == "support")
    assert backbone.traits.keeps_averages == (norm == "running")


@pytest.mark.parametrize(
    ("shape", "filters", "size"),
    [((1, 28, 28), 64, 64), ((3, 84, 84), 64, 1600), ((3, 32, 48), 8, 48), ((1, 16, 16), 4, 4)],
)
def test_features_of_conv4(shape: tuple[int, ...], filters: int, size: int) -> None:
    backbone = Conv4(shape, filters, "running")
    assert backbone.out_dim == size
    assert backbone.training
    # finding the size moved no average
    assert all((b == 0).all() for n, b in backbone.named_buffers() if n.endswith("mean"))
    assert backbone(torch.zeros(2, *shape)).shape == (2, size)


def test_parameters_of_conv4() -> None:
    """The literature's 113k for 84×84×3: 64 filters, four blocks."""
    count = sum(p.numel() for p in Conv4((3, 84, 84), 64, "batch").parameters())
    assert count == (3 * 9 * 64 + 64 + 128) + 3 * (64 * 9 * 64 + 64 + 128)


@pytest.mark.parametrize("norm", ["batch", "group"])
def test_relu_after_pooling_is_relu_before_pooling(norm: str) -> None:
    torch.manual_seed(0)
    block = Block(2, 4, norm, 0).double()
    x = random(3, 2, 9, 8)
    expected = F.max_pool2d(F.relu(block.norm(block.conv(x))), 2)
    torch.testing.assert_close(block(x, ALL_ROWS), expected, rtol=1e-12, atol=1e-12)  # sums in another order


def test_resnet12() -> None:
    backbone = ResNet12((3, 32, 32), [64, 160, 320, 640], "batch")
    assert backbone.out_dim == 640
    assert backbone(torch.rand(2, 3, 32, 32)).shape == (2, 640)
    # MetaOptNet's network: 3 convolutions and a shortcut a block, without biases, and 4 norms
    sizes = [3, 64, 160, 320, 640]
    expected = sum(9 * a * b + 2 * 9 * b * b + a * b + 4 * 2 * b for a, b in pairwise(sizes))
    assert sum(p.numel() for p in backbone.parameters()) == expected


@pytest.mark.parametrize("shape", [(1, 15, 15), (3, 84, 8), (64,), (16, 16)])
@pytest.mark.parametrize("make", [lambda s: Conv4(s, 4, "batch"), lambda s: ResNet12(s, [4] * 4, "batch")])
def test_what_is_no_image_is_refused(make, shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match=r"backbone=mlp") as caught:
        make(shape)
    assert "\n" not in str(caught.value)
    assert str(shape) in str(caught.value)


def test_mlp_against_a_plain_loop() -> None:
    torch.manual_seed(0)
    backbone = MLP((2, 3), [7, 4], "batch").double()
    x = random(5, 2, 3)
    expected = x.reshape(5, 6)
    for layer in backbone.layers:
        expected = expected @ layer.linear.weight.T + layer.linear.bias
        mean, var = expected.mean(0), expected.var(0, correction=0)
        expected = ((expected - mean) / (var + 1e-5).sqrt()).clamp(min=0)
    torch.testing.assert_close(backbone(x), expected)
    assert backbone.out_dim == 4


def test_blocks_embed_what_belongs_together() -> None:
    """An embedding of each block, side by side, then the layers; by hand with numpy's own products."""
    torch.manual_seed(0)
    task = TaskSpec(1, (6,), blocks=(2, 1, 3))
    backbone = Blocks((6,), task, 4, [7, 5]).double()
    x = random(3, 6)
    parts = np.split(x.numpy(), [2, 3], axis=1)
    weights = [each.weight.detach().numpy() for each in backbone.embeddings]
    z = np.concatenate([part @ weight.T for part, weight in zip(parts, weights, strict=True)], axis=1)
    for layer in backbone.layers:
        linear = layer.linear
        z = np.maximum(z @ linear.weight.detach().numpy().T + linear.bias.detach().numpy(), 0)
    np.testing.assert_allclose(backbone(x).detach(), z)
    assert (backbone.out_dim, backbone.embeddings[0].bias) == (5, None)
    assert Blocks((2, 3)).embeddings[0].weight.shape == (32, 6)


def test_initial_weights_of_a_given_deviation() -> None:
    torch.manual_seed(0)
    backbone = Conv4((1, 28, 28), 64, "running", init_std=0.01)
    convs = [module for module in backbone.modules() if isinstance(module, nn.Conv2d)]
    weights = torch.cat([conv.weight.detach().flatten() for conv in convs])
    assert weights.abs().max() <= 0.02
    assert float(weights.std()) == pytest.approx(0.0088, rel=0.02)  # the cut takes 12% of the deviation
    assert not any(conv.bias.any() for conv in convs)


def test_mlp_norms_agree_on_vectors() -> None:
    """Vectors, too: the norms see [n, D]."""
    torch.manual_seed(0)
    x = torch.randn(6, 5, dtype=torch.float64)
    rows = torch.tensor([1.0, 1, 1, 1, 1, 1], dtype=torch.float64)
    for norm in NORMS:
        backbone = MLP((5,), [4, 3], norm).double()
        torch.testing.assert_close(backbone(x), backbone(x, Pass(rows)))


@pytest.mark.parametrize("norm", ["running", "batch", "support", "group", "none"])
def test_an_adapter_begins_as_the_identity_to_the_bit_and_can_leave_it(norm: str) -> None:
    x = torch.randn(7, 12, generator=torch.Generator().manual_seed(1))
    adapter = Adapter((12,), [8], norm)
    assert torch.equal(adapter(x), x)
    adapter(x).square().sum().backward()
    moved = [name for name, p in adapter.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0]
    assert moved == ["last.weight", "last.bias"], "what is before the zeros waits for one step"
    with torch.no_grad():
        adapter.last.weight += 0.1
    assert not torch.allclose(adapter(x), x)
    adapter.zero_grad()
    adapter(x).square().sum().backward()
    assert adapter.layers[0].linear.weight.grad.abs().sum() > 0
