"""Random views of unlabelled inputs: what "weak" and "strong" mean for a kind of data.

A view draws its random numbers with the episode's own generator, so it is as reproducible as the
episode, and is applied to a whole meta-batch at once.
"""

import math
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F


class View(Protocol):
    """A random transformation of inputs."""

    def draw(self, generator: np.random.Generator, count: int, shape: tuple[int, ...]) -> np.ndarray:
        """[count, ...] float32 random numbers for `count` inputs of `shape`."""
        ...

    def apply(self, x: Tensor, numbers: Tensor) -> Tensor:
        """[n, ...] transformed inputs, from [n, ...] inputs and [n, ...] random numbers."""
        ...


class AffineJitter:
    """A random rotation, shift and scaling of an image, bilinear, zero outside.

    Args:
        degrees: rotation, uniform in ± degrees.
        shift: shift along each axis, uniform in ± shift, as a share of the side.
        scale: factor, uniform in 1 ± scale.
    """

    def __init__(self, degrees: float, shift: float, scale: float) -> None:
        self.degrees, self.shift, self.scale = degrees, shift, scale

    def draw(self, generator: np.random.Generator, count: int, shape: tuple[int, ...]) -> np.ndarray:
        """[count, 4] in ±1: rotation, shift across, shift down, scaling."""
        return generator.uniform(-1, 1, (count, 4)).astype(np.float32)

    def apply(self, x: Tensor, numbers: Tensor) -> Tensor:
        """x [n, C, H, W], numbers [n, 4] -> [n, C, H, W]."""
        angle = numbers[:, 0] * math.radians(self.degrees)
        zoom = 1 / (1 + numbers[:, 3] * self.scale)
        cos, sin = zoom * angle.cos(), zoom * angle.sin()
        across, down = 2 * self.shift * numbers[:, 1], 2 * self.shift * numbers[:, 2]
        aspect = x.shape[-2] / x.shape[-1]  # the grid's units are half sides, so a turn has to allow for it
        matrix = torch.stack((cos, -sin * aspect, across, sin / aspect, cos, down), dim=1).view(-1, 2, 3)
        grid = F.affine_grid(matrix, list(x.shape), align_corners=False)
        return F.grid_sample(x, grid, align_corners=False)


class Jitter:
    """Gaussian noise on every feature; for vectors near unit scale.

    Args:
        noise: standard deviation, in the features' own unit.
    """

    def __init__(self, noise: float) -> None:
        self.noise = noise

    def draw(self, generator: np.random.Generator, count: int, shape: tuple[int, ...]) -> np.ndarray:
        """[count, *shape] standard normal."""
        return generator.standard_normal((count, *shape), dtype=np.float32)

    def apply(self, x: Tensor, numbers: Tensor) -> Tensor:
        """x and numbers [n, ...] -> [n, ...]."""
        return x + self.noise * numbers
