"""The view that fits the form of the inputs, for data sets of which that is the user's."""

import numpy as np
from torch import Tensor

from metassl.data.views.base import View


class ByKind:
    """Picks a view by the form of the inputs.

    Args:
        vectors: for vectors, and whatever is no picture.
        grey: for pictures of one channel, which are taken for drawn characters.
        colour: for all others.
    """

    def __init__(self, vectors: View, grey: View, colour: View) -> None:
        self.vectors, self.grey, self.colour = vectors, grey, colour

    def draw(self, generator: np.random.Generator, count: int, shape: tuple[int, ...]) -> np.ndarray:
        """As the picked one."""
        return self._of(shape).draw(generator, count, shape)

    def apply(self, x: Tensor, numbers: Tensor) -> Tensor:
        """As the picked one."""
        return self._of(tuple(x.shape[1:])).apply(x, numbers)

    def _of(self, shape: tuple[int, ...]) -> View:
        if len(shape) != 3:
            return self.vectors
        return self.grey if shape[0] == 1 else self.colour
