"""Are some pictures like those that a learner was trained on? A look at their brightness, without a network.

Legend: n pictures, H height, W width, C channels, F numbers of a description.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

Numbers = NDArray[np.float64]
PARTS = 6  # F


def unit(pictures: NDArray[Any]) -> NDArray[np.float32]:
    """Pictures as a network gets them: whole numbers from 0 to 255 become 0 to 1, others stay."""
    found: NDArray[np.float32] = pictures.astype(np.float32)
    return found / np.float32(255) if pictures.dtype == np.uint8 else found


def described(pictures: NDArray[Any]) -> Numbers:
    """How bright pictures are, and where: [n, H, W, C], uint8 or in 0..1 -> [n, F].

    Of the mean over the channels: mean, standard deviation, the mean of the outermost pixels, the darkest and
    the brightest tenth's bound, and the mean difference of neighbours.
    """
    grey = unit(pictures).mean(-1, dtype=np.float64)
    edge = np.concatenate((grey[:, 0], grey[:, -1], grey[:, 1:-1, 0], grey[:, 1:-1, -1]), axis=1)
    steps = (np.abs(np.diff(grey, axis=axis)).mean((1, 2)) for axis in (1, 2))
    flat = grey.reshape(len(grey), -1)
    dark, bright = np.quantile(flat, (0.1, 0.9), axis=1)
    return np.stack((flat.mean(1), flat.std(1), edge.mean(1), dark, bright, sum(steps) / 2), axis=1)


def unlikeness(found: Numbers, known: Numbers) -> float:
    """How far apart two samples [n, F] are: 0 where they are of one distribution, 1 where each is one point.

    The energy coefficient, (2 E|X - Y| - E|X - X'| - E|Y - Y'|) / (2 E|X - Y|), without the pairs of a row
    and itself, so that it is near 0, and can be below, where X and Y are alike. Each number counts in units
    of its standard deviation in `known`, of which none is taken to be below 0.02.

    Source: Székely & Rizzo 2013, Energy statistics, eq. 5 and section 4.
    """
    scale = known.std(0).clip(min=0.02)
    x, y = found / scale, known / scale
    between = cdist(x, y).mean()
    within = _within(x) + _within(y)
    return float((2 * between - within) / (2 * between)) if between > 0 else 0.0


def _within(x: Numbers) -> float:
    """E|X - X'| of different rows; 0 of one row."""
    n = len(x)
    return float(cdist(x, x).sum() / (n * (n - 1))) if n > 1 else 0.0
