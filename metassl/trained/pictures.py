"""Makes pictures what a learner was trained on: size, channels, range, dark on light or light on dark.

Legend: n pictures, H height, W width, C channels.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from metassl.errors import DataError
from metassl.trained.facts import Facts
from metassl.trained.framing import as_pictures, framed
from metassl.trained.likeness import described, unlikeness

UNLIKE = 0.3  # of the energy coefficient; test classes of a learner's own data set have 0.00 to 0.04


class PictureFit:
    """Decides by some pictures how all are to be changed, and changes them.

    Pictures of another size are framed (see metassl.trained.framing), of other channels turned into
    brightness or repeated; numbers up to 255 become 0 to 1. Where the pictures are unlike those of the
    training and their negatives are like them, all are inverted.

    Args:
        facts: of the learner's training; of pictures.

    Attributes:
        said: what was done or is wrong, a line each.
        inverted: whether pictures are.
    """

    def __init__(self, facts: Facts) -> None:
        assert facts.pictures is not None
        assert facts.picture_shape is not None
        self.known = facts.pictures
        self.channels, self.height, self.width = facts.picture_shape
        self.said: list[str] = []
        self.inverted = False

    def fit(self, x: NDArray[Any]) -> NDArray[Any]:
        """[n, H, W, C], of pictures [n, h, w, c]; `said` tells what is done to them."""
        found = self._sized(x)
        self.said = []
        if x.shape[1:] != found.shape[1:]:
            self.said.append(f"made {_size(found)} of {_size(x)}, as the model's training had them")
        plain = unlikeness(described(found), self.known)
        turned = unlikeness(described(_negative(found)), self.known)
        self.inverted = plain > UNLIKE and turned < plain / 2
        if self.inverted:
            self.said.append(
                f"inverted, dark for light: as they are they are unlike the pictures of the model's training "
                f"({plain:.2f} of 1), their negatives less so ({turned:.2f})"
            )
        if min(plain, turned if self.inverted else plain) > UNLIKE:
            self.said.append(
                f"unlike the pictures of the model's training ({plain:.2f} of 1; inverted {turned:.2f}), so "
                "that its labels may be worth little: see how many left-out ones it gets right"
            )
        return _negative(found) if self.inverted else found

    def __call__(self, x: NDArray[Any]) -> NDArray[Any]:
        """[n, H, W, C] of pictures [n, h, w, c], as `fit` has decided."""
        found = self._sized(x)
        return _negative(found) if self.inverted else found

    def _sized(self, x: NDArray[Any]) -> NDArray[Any]:
        if x.dtype != np.uint8 and x.size and x.min() >= 0 and 1 < x.max() <= 255:
            x = (x / 255).astype(np.float32)
        if x.shape[1:] == (self.height, self.width, self.channels):
            return x
        if x.shape[-1] not in (1, 3):
            raise DataError(f"X: found pictures of {x.shape[-1]} channels, allowed are 1 or 3.")
        if x.dtype != np.uint8 and (x.min() < 0 or x.max() > 1):
            raise DataError(
                f"X: found numbers from {x.min():g} to {x.max():g} in pictures that are to be made "
                f"{self.height}×{self.width}×{self.channels}, allowed are 0 to 255 or 0 to 1."
            )
        small = framed(as_pictures(x), self.height, self.width, self.channels)
        return small if x.dtype == np.uint8 else (small / 255).astype(np.float32)


def _negative(x: NDArray[Any]) -> NDArray[Any]:
    return (255 if x.dtype == np.uint8 else 1) - x


def _size(x: NDArray[Any]) -> str:
    return "×".join(map(str, x.shape[1:]))
