"""Some parameters of a learner as one vector, so that tasks can be stored, averaged and compared by it.

Legend: P numbers of all these parameters together.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from metassl.numerics.tensors import Tensors


class FlatParameters:
    """Turns named parameters into a vector [P] and back.

    Args:
        named: the parameters, in the order in which they stand in the vector.
    """

    def __init__(self, named: Tensors) -> None:
        self.shapes = {name: p.shape for name, p in named.items()}
        self.size = sum(shape.numel() for shape in self.shapes.values())

    def __iter__(self) -> Iterable[str]:
        """The names."""
        return iter(self.shapes)

    def vector(self, values: Tensors) -> Tensor:
        """[P] of tensors by name, of which there may be more."""
        return torch.cat([values[name].flatten() for name in self.shapes])

    def tensors(self, vector: Tensor) -> dict[str, Tensor]:
        """By name, the parts of a vector [P]."""
        parts = vector.split([shape.numel() for shape in self.shapes.values()])
        return {
            name: part.view(shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }
