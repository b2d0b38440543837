"""FiLM as an overlay is an explicit FiLM layer after each norm."""

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from metassl.backbones.base import Backbone
from metassl.backbones.blocks import Blocks
from metassl.backbones.conv4 import Conv4
from metassl.backbones.film import film_layers, film_overlay
from metassl.backbones.mlp import MLP
from metassl.backbones.resnet12 import ResNet12
from metassl.norms.base import ALL_ROWS, Pass, PoolableNorm
from metassl.norms.kinds import BatchStatistics, Group, RunningStatistics
from tests.support.numbers import random

MAKE = {
    "conv4": lambda norm: Conv4((1, 16, 16), 4, norm),
    "resnet12": lambda norm: ResNet12((1, 16, 16), [2, 3, 4, 4], norm),
    "mlp": lambda norm: MLP((1, 16, 16), [6, 4], norm),
    "blocks": lambda norm: Blocks((1, 16, 16), None, 3, [6, 4], norm),
}
NORM_COUNT = {"conv4": 4, "resnet12": 16, "mlp": 2, "blocks": 2}


class Explicit(PoolableNorm):
    """A norm with a FiLM layer after it."""

    def __init__(self, norm: nn.Module, gain: Tensor, shift: Tensor) -> None:
        super().__init__()
        self.norm, self.gain, self.shift = norm, gain, shift

    def forward(self, x: Tensor, how: Pass = ALL_ROWS) -> Tensor:
        shape = (1, -1) + (1,) * (x.dim() - 2)
        return self.norm(x, how) * (1 + self.gain).view(shape) + self.shift.view(shape)


def prepared(backbone: str, norm: str) -> Backbone:
    """With scales, shifts and moving averages that are not the initial ones."""
    torch.manual_seed(0)
    made = MAKE[backbone](norm).double()
    for k, (name, p) in enumerate(made.named_parameters()):
        if "norm" in name:
            p.data += 0.3 * random(*p.shape, seed=k)
    for _ in range(3):
        made(random(8, 1, 16, 16, seed=99))
    return made


def explicit(backbone: Backbone, gain: Tensor, shift: Tensor) -> Backbone:
    """The same backbone with every norm replaced by norm and FiLM, in the order of the modules."""
    norms = [
        (name, module)
        for name, module in backbone.named_modules()
        if isinstance(module, BatchStatistics | RunningStatistics | Group)
    ]
    at = 0
    for name, module in norms:
        size = sum(
            1
            for _ in dict(module.named_parameters())["norm.weight" if isinstance(module, Group) else "weight"]
        )
        parent, _, child = name.rpartition(".")
        film = Explicit(module, gain[at : at + size], shift[at : at + size])
        holder = backbone.get_submodule(parent)
        if isinstance(holder, nn.ModuleList):
            holder[int(child)] = film
        else:
            setattr(holder, child, film)
        at += size
    assert at == len(gain)
    return backbone


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("norm", ["batch", "group", "running"])
@pytest.mark.parametrize("backbone", MAKE)
def test_overlay_is_a_layer_after_the_norm(backbone: str, norm: str, training: bool) -> None:
    made = prepared(backbone, norm).train(training)
    layers = film_layers(made, prefix="")
    size = sum(layer.channels for layer in layers)
    gain, shift = 0.5 * random(size, seed=1), 0.5 * random(size, seed=2)
    overlay = film_overlay(dict(made.named_parameters()), layers, gain, shift)
    assert len(layers) == NORM_COUNT[backbone]
    assert len(overlay) == 2 * NORM_COUNT[backbone]
    x = random(6, 1, 16, 16, seed=3)
    found = functional_call(made, overlay, (x,))
    plain = made(x)
    expected = explicit(made, gain, shift).train(training)(x)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    assert (found - plain).abs().max() > 1e-3


def test_no_modulation_is_the_identity() -> None:
    made = prepared("conv4", "group")
    layers = film_layers(made, prefix="")
    nothing = torch.zeros(sum(layer.channels for layer in layers)).double()
    overlay = film_overlay(dict(made.named_parameters()), layers, nothing, nothing)
    for name, value in overlay.items():
        assert torch.equal(value, made.get_parameter(name))


@pytest.mark.parametrize("norm", ["batch", "group", "running"])
def test_names_are_those_of_a_learner(norm: str) -> None:
    holder = nn.Module()
    holder.backbone = MAKE["resnet12"](norm)
    names = dict(holder.named_parameters())
    for layer in film_layers(holder.backbone):
        assert names[layer.scale].shape == names[layer.shift].shape == (layer.channels,)
