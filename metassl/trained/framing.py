"""Brings pictures of any size to the size and channels that a learner reads.

Legend: n pictures, H height, W width, C channels.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from metassl.data.images.pictures import MODES, centre_of

PLAIN = 8  # standard deviation of the brightness of an edge, of 255, up to which it is of one colour


def framed(pictures: Iterable[Image.Image], height: int, width: int, channels: int) -> NDArray[np.uint8]:
    """[n, H, W, C] of pictures of any size.

    A picture whose edge is of one colour, as a drawing on paper has it, is filled up with that colour to the
    learner's proportions, so that nothing is cut off; of any other the centre is kept, to the bit as by
    dataset=image_folder. Colour becomes brightness where C = 1, and grey is repeated where C = 3.
    """
    mode = MODES[channels]
    made = [_framed(picture.convert(mode), (width, height)) for picture in pictures]
    return np.stack([np.asarray(picture) for picture in made]).reshape(-1, height, width, channels)


def as_pictures(x: NDArray[Any]) -> list[Image.Image]:
    """Arrays [n, H, W, C] of uint8, or of numbers in 0..1, as pictures."""
    whole = x if x.dtype == np.uint8 else (x * 255).round().astype(np.uint8)
    return [Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture) for picture in whole]


def _framed(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    if picture.size == size:
        return picture
    x = np.asarray(picture)
    edge = np.concatenate((x[0], x[-1], x[:, 0], x[:, -1]))
    if edge.std(0).max() > PLAIN:
        return centre_of(picture, size)
    colour = np.median(edge, axis=0).round().astype(int)
    return ImageOps.pad(
        picture, size, Image.Resampling.LANCZOS, int(colour) if x.ndim == 2 else tuple(map(int, colour))
    )
