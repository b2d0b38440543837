"""The strong view of a drawn character: bent, moved and partly erased.

Legend: n images, C channels, H height, W width, P points along a side.
"""

import numpy as np
from torch import Tensor
from torch.nn import functional as F

from metassl.data.views import affine, erasing
from metassl.data.views.affine import AffineJitter
from metassl.schema.ranges import BelowOne, Count, Degrees, Share, Shares


class BentCharacter(AffineJitter):
    """Bends a character as another hand would draw it, moves it, and erases a box of it.

    The pixels are moved by random vectors on a coarse grid of P × P points, bicubic between them, on top of
    a random rotation, shift and scaling; all in one bilinear look-up. Outside and erased is 0, the paper.

    Source: Simard et al. 2003 (elastic distortions); the coarse grid as in Ronneberger et al. 2015, section
        3.1;
    the box Zhong et al. 2020.

    Args:
        degrees, shift, scale: see AffineJitter.
        bend: standard deviation of the vectors along each axis, as a share of the side.
        points: P.
        erase: the least and the largest side of the box, as shares of the image's.
    """

    def __init__(
        self,
        degrees: Degrees,
        shift: Share,
        scale: BelowOne,
        bend: Share,
        points: Count = 4,
        erase: Shares = (0.1, 0.4),
    ) -> None:
        super().__init__(degrees, shift, scale)
        self.bend, self.points, self.sides = bend, points, (erase[0], erase[1])

    def draw(self, generator: np.random.Generator, count: int, shape: tuple[int, ...]) -> np.ndarray:
        """[count, 4 + 4 + 2P²]: of the rotation and so on, of the box, and the vectors in units of `bend`."""
        moved = super().draw(generator, count, shape)
        box = generator.random((count, erasing.NUMBERS), dtype=np.float32)
        vectors = generator.standard_normal((count, 2 * self.points**2), dtype=np.float32)
        return np.concatenate((moved, box, vectors), axis=1)

    def apply(self, x: Tensor, numbers: Tensor) -> Tensor:
        """x [n, C, H, W], numbers [n, 8 + 2P²] -> [n, C, H, W]."""
        moved, box, vectors = numbers.split((affine.NUMBERS, erasing.NUMBERS, 2 * self.points**2), dim=1)
        coarse = (
            2 * self.bend * vectors.view(-1, 2, self.points, self.points)
        )  # a side is 2 units of the grid
        fine = F.interpolate(coarse, x.shape[-2:], mode="bicubic", align_corners=True)
        bent = F.grid_sample(x, self.grid(x, moved) + fine.movedim(1, -1), align_corners=False)
        return erasing.erase(bent, box, self.sides, 0.0)
