"""What damages an input: noise, blur, something in front of it, values that are missing.

Each draws its random numbers before it knows how severe it is, so that a severer one is more of the same; at
severity 0 it gives the input back to the bit. Severity 1 is what its first sentence says.

Legend: n inputs, C channels, H height, W width, s severity 0..1.
"""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

BLUR = 1 / 8  # standard deviation at severity 1, as a share of the side


class Kind(Protocol):
    """A way to damage inputs.

    Attributes:
        pictures_only: whether it makes no sense of vectors.
    """

    pictures_only: bool

    def draw(self, generator: Generator, count: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """[count, ...] random numbers for `count` inputs of a shape (C, H, W) or (features,)."""
        ...

    def apply(self, x: Tensor, numbers: Tensor, severity: Tensor) -> Tensor:
        """[n, ...] damaged inputs, of x [n, ...], their numbers, and their severities [n]."""
        ...


class Noise:
    """At severity 1 as much Gaussian noise as there is input.

    x + s·‖x‖_rms·ε, ε ~ N(0, 1) for each value and ‖x‖_rms the root mean square of the input's own values:
    a signal-to-noise ratio of -20·log10 s decibel, whatever the unit. Nothing is cut off at 0 and 1.
    """

    pictures_only = False

    def draw(self, generator: Generator, count: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """[count, *shape] standard normal."""
        return generator.standard_normal((count, *shape), dtype=np.float32)

    def apply(self, x: Tensor, numbers: Tensor, severity: Tensor) -> Tensor:
        """See Kind."""
        size = x.flatten(1).square().mean(1).sqrt()
        return x + _each(severity * size, x) * numbers


class Blur:
    """At severity 1 a Gaussian of an eighth of the side as its standard deviation.

    Columns and rows are averaged with weights exp(-d²/2σ²), σ = s·side/8, that sum to 1 within the picture.
    """

    pictures_only = True

    def draw(self, generator: Generator, count: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """[count, 0]: nothing is random in it."""
        return np.empty((count, 0), dtype=np.float32)

    def apply(self, x: Tensor, numbers: Tensor, severity: Tensor) -> Tensor:
        """See Kind."""
        down, across = (_averages(size, severity).to(x.dtype) for size in x.shape[-2:])
        return torch.einsum("nij,ncjk,nlk->ncil", down, x, across)


class Occlusion:
    """At severity 1 the whole picture is covered.

    A box of the share s of the picture's area, in its proportions and anywhere within it, is set to 0.
    """

    pictures_only = True

    def draw(self, generator: Generator, count: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """[count, 2]: where the box begins, down and across, as shares of the room that there is."""
        return generator.random((count, 2), dtype=np.float32)

    def apply(self, x: Tensor, numbers: Tensor, severity: Tensor) -> Tensor:
        """See Kind."""
        down, across = (_covered(size, severity, numbers[:, axis]) for axis, size in enumerate(x.shape[-2:]))
        return x.masked_fill((down.unsqueeze(2) & across.unsqueeze(1)).unsqueeze(1), 0)


class Missing:
    """At severity 1 every value is missing.

    Each value of a vector, each pixel of a picture with all of its channels, is missing with probability s,
    and then 0: the mean, where features are standardised.
    """

    pictures_only = False

    def draw(self, generator: Generator, count: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """[count, ...] uniform in [0, 1), one for all channels."""
        one = (1, *shape[1:]) if len(shape) == 3 else shape
        return generator.random((count, *one), dtype=np.float32)

    def apply(self, x: Tensor, numbers: Tensor, severity: Tensor) -> Tensor:
        """See Kind."""
        return x.masked_fill(numbers < _each(severity, numbers), 0)


KINDS: Mapping[str, Kind] = {
    "noise": Noise(),
    "blur": Blur(),
    "occlusion": Occlusion(),
    "missing": Missing(),
}


def _each(values: Tensor, like: Tensor) -> Tensor:
    """[n] as [n, 1, ...]."""
    return values.reshape(-1, *(1 for _ in like.shape[1:]))


def _averages(size: int, severity: Tensor) -> Tensor:
    """[n, size, size] weights of a row's averages; of severity 0 exactly the identity."""
    place = torch.arange(size, dtype=torch.float64)
    far = (place.unsqueeze(1) - place).square()
    width = (BLUR * size * severity.double()).clamp(min=1e-3)  # so narrow that neighbours weigh exactly 0
    weight = torch.exp(-far / (2 * width.square()).reshape(-1, 1, 1))
    return weight / weight.sum(2, keepdim=True)


def _covered(size: int, severity: Tensor, start: Tensor) -> Tensor:
    """[n, size] bool, the places along a side that a box covers."""
    length = (severity.double().sqrt() * size).round()
    first = (start.double() * (size - length + 1)).floor()
    place = torch.arange(size)
    return (place >= first.unsqueeze(1)) & (place < (first + length).unsqueeze(1))
