"""The weak and the strong view of a photograph: FixMatch's.

Legend: n images, C channels, H height, W width, O operations on an image.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from metassl.data.views import erasing
from metassl.data.views.operations import COLOURS, MOVES, moved
from metassl.schema.ranges import Share, Whole


class FlipShift:
    """Mirrors a photograph at random and shifts it; what comes in is a reflection.

    Source: Sohn et al. 2020, section 2.3 (half of the images mirrored, shifts up to an eighth of the side).

    Args:
        shift: shift along each axis, uniform in ± shift, as a share of the side.
    """

    def __init__(self, shift: Share = 0.125) -> None:
        self.shift = shift

    def draw(self, generator: np.random.Generator, count: int, shape: tuple[int, ...]) -> np.ndarray:
        """[count, 3] in ±1: mirrored below 0, shift across, shift down."""
        return generator.uniform(-1, 1, (count, 3)).astype(np.float32)

    def apply(self, x: Tensor, numbers: Tensor) -> Tensor:
        """x [n, C, H, W], numbers [n, 3] -> [n, C, H, W]."""
        side, none = 2 * (numbers[:, 0] >= 0).to(x.dtype) - 1, torch.zeros_like(numbers[:, 0])
        across, down = 2 * self.shift * numbers[:, 1], 2 * self.shift * numbers[:, 2]
        matrix = torch.stack((side, none, across, none, none + 1, down), dim=1).view(-1, 2, 3)
        grid = F.affine_grid(matrix, list(x.shape), align_corners=False)
        return F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)


class RandAugment:
    """Changes a photograph by a few random operations, each by a random amount, and erases a square of it.

    First it is mirrored and shifted as the weak view is. Then come O operations out of 14, each with an
    amount uniform in its range, and Cutout. One operation is TrivialAugment's number. Values stay between
    the image's own least and largest, or in 0..1 where they are; the square gets the image's mean colour.

    Source: Cubuk et al. 2020 (RandAugment) in the form of Sohn et al. 2020, section 2.3 and the table of
    operations and ranges in their appendix; DeVries & Taylor 2017 (Cutout); O = 1: Müller & Hutter 2021.

    Args:
        operations: O.
        cutout: side of the square, as a share of the image's.
        shift: see FlipShift.
    """

    def __init__(self, operations: Whole = 2, cutout: Share = 0.5, shift: Share = 0.125) -> None:
        self.operations, self.cutout, self.weak = operations, cutout, FlipShift(shift)

    def draw(self, generator: np.random.Generator, count: int, shape: tuple[int, ...]) -> np.ndarray:
        """[count, 3 + 4 + 2·O]: of the weak view, of the square, and of each operation which and how much."""
        weak = self.weak.draw(generator, count, shape)
        rest = generator.random((count, erasing.NUMBERS + 2 * self.operations), dtype=np.float32)
        return np.concatenate((weak, rest), axis=1)

    def apply(self, x: Tensor, numbers: Tensor) -> Tensor:
        """x [n, C, H, W], numbers [n, 7 + 2·O] -> [n, C, H, W]."""
        weak, box, chosen = numbers.split((3, erasing.NUMBERS, 2 * self.operations), dim=1)
        low, high = (f(x.flatten(1)).view(-1, 1, 1, 1) for f in (_low, _high))
        y = (self.weak.apply(x, weak) - low) / (high - low)
        for which, amount in chosen.reshape(len(x), self.operations, 2).permute(1, 2, 0):
            y = operate(y, which, amount)
        y = erasing.erase(y, box, (self.cutout, self.cutout), y.mean((-2, -1), keepdim=True))
        return low + (high - low) * y


def operate(x: Tensor, which: Tensor, amount: Tensor) -> Tensor:
    """Does to each image the operation that it drew.

    Args:
        x: [n, C, H, W] in 0..1.
        which: [n] in 0..1, each operation as likely.
        amount: [n] in 0..1, from one end of the operation's range to the other.
    """
    count = 1 + len(MOVES) + len(COLOURS)  # the first does nothing
    place = (which * count).long().clamp(max=count - 1)
    x = moved(x, place - 1, amount)
    for k, change in enumerate(COLOURS.values()):
        rows = (place == 1 + len(MOVES) + k).nonzero().squeeze(1)
        if len(rows):
            x = x.index_copy(0, rows, change(x[rows], amount[rows].view(-1, 1, 1, 1)))
    return x


def _low(x: Tensor) -> Tensor:
    """[n] the least value, 0 where none is below it."""
    return x.amin(1).clamp(max=0)


def _high(x: Tensor) -> Tensor:
    """[n] the largest value, 1 where none is above it."""
    return x.amax(1).clamp(min=1)
