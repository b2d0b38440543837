"""Ways to change all pictures of a task alike, so that one data set gives several families of tasks.

A style is a plain function of a picture: nothing in it is random. Legend: n pictures, H height, W width, C
channels 1 or 3; pictures are [n, H, W, C] uint8 and stay of that shape where H = W.

Blur and pencil are those of Art-Multi (Yao et al. 2020, section 5.3, after Jerfel et al. 2019), which names
its filters and not their settings; the settings here are this project's. Inverted and rotated are, too.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from metassl.data.mixture.together import grey

BLUR = 0.05  # standard deviation, as a share of the side

Style = Callable[[np.ndarray], np.ndarray]


def plain(pictures: np.ndarray) -> np.ndarray:
    """As they are."""
    return pictures


def blur(pictures: np.ndarray) -> np.ndarray:
    """Out of focus: a Gaussian of a twentieth of the side; the edge goes on outside."""
    from scipy.ndimage import gaussian_filter  # here, because it takes long to import

    width = BLUR * pictures.shape[1]
    soft = gaussian_filter(pictures.astype(np.float32), (0, width, width, 0), mode="nearest")
    blurred: np.ndarray = np.rint(soft).astype(np.uint8)
    return blurred


def pencil(pictures: np.ndarray) -> np.ndarray:
    """Outlines, dark on white paper: 255 less the most that brightness differs among a pixel's 3 × 3.

    That difference is the morphological gradient, dilation less erosion (Rivest, Soille & Beucher 1993).
    """
    from scipy.ndimage import maximum_filter, minimum_filter  # here, because it takes long to import

    around, bright = (1, 3, 3, 1), grey(pictures)
    line = maximum_filter(bright, around, mode="nearest") - minimum_filter(bright, around, mode="nearest")
    return np.broadcast_to(255 - line, pictures.shape)


def inverted(pictures: np.ndarray) -> np.ndarray:
    """The negative, 255 less each value."""
    return 255 - pictures


def rotated(pictures: np.ndarray) -> np.ndarray:
    """Turned by 90 degrees, counterclockwise."""
    return np.rot90(pictures, axes=(1, 2))


STYLES: Mapping[str, Style] = MappingProxyType({
    "plain": plain, "blur": blur, "pencil": pencil, "inverted": inverted, "rotated": rotated,
})  # fmt: skip
