"""Noise on vectors, and features that are hidden."""

import numpy as np
import torch
from torch import Tensor

from metassl.schema.ranges import NotNegative, Share


class Jitter:
    """Gaussian noise on every feature; for vectors near unit scale.

    Args:
        noise: standard deviation, in the features' own unit.
    """

    def __init__(self, noise: NotNegative) -> None:
        self.noise = noise

    def draw(self, generator: np.random.Generator, count: int, shape: tuple[int, ...]) -> np.ndarray:
        """[count, *shape] standard normal."""
        return generator.standard_normal((count, *shape), dtype=np.float32)

    def apply(self, x: Tensor, numbers: Tensor) -> Tensor:
        """x and numbers [n, ...] -> [n, ...]."""
        return x + self.noise * numbers


class MaskedNoise(Jitter):
    """Hides some features, and puts Gaussian noise on the rest; for vectors near unit scale.

    A hidden feature is 0, the mean of a feature that was standardised.

    Source: Vincent et al. 2008 (masking noise of denoising autoencoders).

    Args:
        mask: the probability that a feature is hidden, 0..1.
        noise: standard deviation, in the features' own unit.
    """

    def __init__(self, mask: Share, noise: NotNegative) -> None:
        super().__init__(noise)
        self.mask = mask

    def draw(self, generator: np.random.Generator, count: int, shape: tuple[int, ...]) -> np.ndarray:
        """[count, 2, *shape]: standard normal, and uniform in 0..1."""
        noise = super().draw(generator, count, shape)
        return np.stack((noise, generator.random(noise.shape, dtype=np.float32)), axis=1)

    def apply(self, x: Tensor, numbers: Tensor) -> Tensor:
        """x [n, ...], numbers [n, 2, ...] -> [n, ...]."""
        return torch.where(numbers[:, 1] < self.mask, torch.zeros_like(x), super().apply(x, numbers[:, 0]))
