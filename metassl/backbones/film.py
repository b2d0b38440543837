"""Feature-wise modulation (FiLM) of any backbone, as an overlay on the scales and shifts of its norms.

A FiLM layer after a norm, γ'·(γ·x̂ + β) + β', is the norm with scale γ'·γ and shift γ'·β + β'. So no backbone
has to know of it. Source: Perez et al. 2018, eq. 1; after each norm as in Requeima et al. 2019, section 2.2.

Legend: C channels of a layer, F their sum over layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from metassl.errors import ConfigError
from metassl.norms.base import PoolableNorm
from metassl.norms.kinds import BatchStatistics, Group, RunningStatistics, ScaleAndShift
from metassl.numerics.tensors import Tensors


@dataclass(frozen=True)
class FilmLayer:
    """One norm that can be modulated: names of its scale and shift in θ, and C."""

    scale: str
    shift: str
    channels: int


def film_layers(backbone: nn.Module, prefix: str = "backbone.") -> list[FilmLayer]:
    """The norms of a backbone that can be modulated, in the order of its layers.

    Raises ConfigError where there is none.
    """
    layers = []
    for name, module in backbone.named_modules():
        path = f"{prefix}{name}."
        if isinstance(module, BatchStatistics | RunningStatistics | ScaleAndShift):
            layers.append(FilmLayer(f"{path}weight", f"{path}bias", len(module.weight)))
        elif isinstance(module, Group):
            layers.append(FilmLayer(f"{path}norm.weight", f"{path}norm.bias", len(module.norm.weight)))
    if not layers:
        norm = getattr(backbone, "norm", "none")
        if any(isinstance(part, PoolableNorm) for part in backbone.modules()):
            raise ConfigError(
                f"backbone.norm: found {norm!r}, which this model can't modulate. Allowed with it: running, "
                "batch, group, support, none."
            )
        raise ConfigError(
            f"backbone: found {type(backbone).__name__} with norm={norm}, in which this model finds nothing "
            "to modulate. Allowed with it: conv4, resnet12, mlp or adapter, with norm=running, batch, group, "
            "support or none."
        )
    return layers


def film_overlay(
    params: Tensors, layers: Sequence[FilmLayer], gain: Tensor, shift: Tensor
) -> dict[str, Tensor]:
    """θ's scales and shifts after FiLM by γ' = 1 + gain and β' = shift.

    Args:
        params: by name.
        layers: the modulated norms.
        gain: [F] γ' - 1, layer after layer; shift: [F] β'.
    """
    sizes = [layer.channels for layer in layers]
    overlay: dict[str, Tensor] = {}
    for layer, g, s in zip(layers, torch.split(gain, sizes), torch.split(shift, sizes), strict=True):
        overlay[layer.scale] = params[layer.scale] * (1 + g)
        overlay[layer.shift] = params[layer.shift] * (1 + g) + s
    return overlay
