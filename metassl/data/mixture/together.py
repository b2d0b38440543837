"""Brings pictures of different data sets to one size and one number of channels.

Legend: n pictures, H height, W width, C channels.
"""

import numpy as np
from PIL import Image

from metassl.data.images.pictures import squeeze
from metassl.errors import DataError

COLOURS = 3
BRIGHTNESS = np.array((0.299, 0.587, 0.114), np.float32)  # of red, green and blue: ITU-R 601


def brought_together(pictures: np.ndarray, size: int, channels: int) -> np.ndarray:
    """Pictures [n, H, W, 1 or 3] uint8 -> [n, size, size, channels] uint8.

    Each is resized as a whole, bilinearly and, where it shrinks, by the mean of what falls together (Pillow's
    BILINEAR), so that proportions may change; one of that size stays as it is. Grey is repeated to three
    channels; colour becomes grey by brightness. Values stay what they are in 0..255: no data set is
    normalised by numbers of its own.

    Args:
        pictures: of one data set.
        size: height and width, pixels.
        channels: 1 or 3.
    """
    colour = np.repeat(pictures, COLOURS, -1) if pictures.shape[-1] == 1 else pictures
    squared = squeeze(colour, size, Image.Resampling.BILINEAR)
    return squared if channels == COLOURS else grey(squared)


def grey(pictures: np.ndarray) -> np.ndarray:
    """The brightness [n, H, W, 1] uint8 of pictures [n, H, W, 1 or 3]."""
    if pictures.shape[-1] == 1:
        return pictures
    brightness: np.ndarray = np.rint(pictures @ BRIGHTNESS).astype(np.uint8)
    return brightness[..., None]


def check_pictures(items: np.ndarray, what: str) -> None:
    """Raises DataError, whose line begins with `what`, for what is no pictures in grey or colour."""
    if items.ndim != 4 or items.shape[-1] not in (1, COLOURS) or items.dtype != np.uint8:
        raise DataError(
            f"{what}: found {items.dtype} {list(items.shape)}, allowed are pictures, uint8 [n, h, w, 1] or "
            "[n, h, w, 3]."
        )
