"""Pictures that a caller gives as files or as Pillow's images.

Legend: n pictures, H height, W width, C channels.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from metassl.data.images.pictures import MODES, decode
from metassl.errors import InputError
from metassl.trained.facts import Facts
from metassl.trained.framing import framed

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp")

Pictured = Path | str | Image.Image


def picture_list(x: Any) -> list[Pictured] | None:
    """The pictures of a list or array of paths, of names that end as pictures do, or of Pillow's images; None
    where it is anything else."""
    if isinstance(x, np.ndarray) and x.ndim == 1 and x.dtype.kind in "OU":
        x = x.tolist()
    if not isinstance(x, list | tuple) or not x:
        return None
    return list(x) if all(map(_is_picture, x)) else None


def read_pictures(pictures: Iterable[Pictured], facts: Facts | None) -> NDArray[np.uint8]:
    """[n, H, W, C] of the size that the learner was trained on.

    Raises:
        InputError: the learner is of no pictures, or came from a notebook, so that its size is not known.
        DataError: a file can't be read; names it.
    """
    if facts is None or facts.picture_shape is None:
        raise InputError(
            "X: found files or Pillow's images, allowed are they with a model of pictures that says of which "
            "size: a run's folder, an exported one, or a name of `metassl models`."
        )
    channels, height, width = facts.picture_shape
    read = (_opened(picture, MODES[channels]) for picture in pictures)
    return framed(read, height, width, channels)


def _is_picture(x: Any) -> bool:
    named = isinstance(x, str) and x.lower().endswith(SUFFIXES)
    return named or isinstance(x, Path | Image.Image)


def _opened(picture: Pictured, mode: str) -> Image.Image:
    return picture if isinstance(picture, Image.Image) else decode(Path(picture), mode, f"'{picture}'")
