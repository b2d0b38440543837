"""The one type for tensors with names: θ, φ, gradients, directions."""

from collections.abc import Mapping

from torch import Tensor

Tensors = Mapping[str, Tensor]
"""name -> tensor. The names are those of `named_parameters()` and `named_buffers()` of a module."""


def constants(tensors: Tensors) -> dict[str, Tensor]:
    """The same values without their graph."""
    return {name: x.detach() for name, x in tensors.items()}
