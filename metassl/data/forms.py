"""What arrays from outside may hold, checked before anything is made of them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from metassl.errors import DataError
from metassl.schema.ranges import LARGEST

MOST_LABELS = np.iinfo(np.int64).max
COLOURS = 4  # no picture has more channels


def check_channels_last(name: str, shape: Sequence[int]) -> None:
    """Raises DataError for images [n, c, h, w], which would be read as thin ones of very many channels."""
    if len(shape) != 4:
        return
    first, second, last = shape[1:]
    grey = first == 1 and second == last
    if last > COLOURS and second > COLOURS and (grey or first in (3, 4)):
        raise DataError(
            f"{name}: found shape {list(shape)}, which has its {first} channels first. Allowed are images "
            "[n, h, w, c]: numpy.moveaxis(x, 1, -1)."
        )


def check_reach(name: str, x: NDArray[np.generic]) -> None:
    """Raises DataError for finite numbers that float32 can't calculate with."""
    if x.dtype.kind != "f" or not x.size:
        return
    largest = float(max(x.max(), -x.min()))
    if largest > LARGEST:
        raise DataError(
            f"{name}: found values of up to {largest:.3g}, allowed are numbers from -{LARGEST:g} to "
            f"{LARGEST:g}. Scale them."
        )


def check_labels(name: str, y: NDArray[np.generic]) -> None:
    """Raises DataError for whole numbers below 0, or beyond what the project counts in."""
    if y.dtype.kind not in "iu" or not y.size:
        return
    for label in (int(y.min()), int(y.max())):
        if not 0 <= label <= MOST_LABELS:
            raise DataError(
                f"{name}: found label {label}, allowed are labels >= 0"
                + (f" and <= {MOST_LABELS}." if label > MOST_LABELS else ".")
            )
