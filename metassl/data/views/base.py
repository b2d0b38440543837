"""What a random view is."""

from typing import Protocol

import numpy as np
from torch import Tensor


class View(Protocol):
    """A random transformation of inputs.

    It draws its random numbers with the episode's own generator, so it is as reproducible as the episode,
    and is applied to a whole meta-batch at once: what an input becomes depends on itself and its own
    numbers alone.
    """

    def draw(self, generator: np.random.Generator, count: int, shape: tuple[int, ...]) -> np.ndarray:
        """[count, ...] float32 random numbers for `count` inputs of `shape`."""
        ...

    def apply(self, x: Tensor, numbers: Tensor) -> Tensor:
        """[n, ...] transformed inputs, from [n, ...] inputs and [n, ...] random numbers."""
        ...
