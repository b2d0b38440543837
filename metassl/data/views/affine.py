"""A picture turned, shifted and scaled.

Legend: n images, C channels, H height, W width.
"""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from metassl.schema.ranges import BelowOne, Degrees, Share

NUMBERS = 4  # that an image takes


class AffineJitter:
    """A random rotation, shift and scaling of an image, bilinear, zero outside.

    Args:
        degrees: rotation, uniform in ± degrees.
        shift: shift along each axis, uniform in ± shift, as a share of the side.
        scale: factor, uniform in 1 ± scale.
    """

    def __init__(self, degrees: Degrees, shift: Share, scale: BelowOne) -> None:
        self.degrees, self.shift, self.scale = degrees, shift, scale

    def draw(self, generator: np.random.Generator, count: int, shape: tuple[int, ...]) -> np.ndarray:
        """[count, 4] in ±1: rotation, shift across, shift down, scaling."""
        return generator.uniform(-1, 1, (count, NUMBERS)).astype(np.float32)

    def apply(self, x: Tensor, numbers: Tensor) -> Tensor:
        """x [n, C, H, W], numbers [n, 4] -> [n, C, H, W]."""
        return F.grid_sample(x, self.grid(x, numbers), align_corners=False)

    def grid(self, x: Tensor, numbers: Tensor) -> Tensor:
        """[n, H, W, 2] where each pixel comes from, in half sides from the middle."""
        angle = numbers[:, 0] * math.radians(self.degrees)
        zoom = 1 / (1 + numbers[:, 3] * self.scale)
        cos, sin = zoom * angle.cos(), zoom * angle.sin()
        across, down = 2 * self.shift * numbers[:, 1], 2 * self.shift * numbers[:, 2]
        aspect = x.shape[-2] / x.shape[-1]  # the grid's units are half sides, so a turn has to allow for it
        matrix = torch.stack((cos, -sin * aspect, across, sin / aspect, cos, down), dim=1).view(-1, 2, 3)
        return F.affine_grid(matrix, list(x.shape), align_corners=False)
