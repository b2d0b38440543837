"""Where the strokes of letters run, whatever their thickness."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from metassl.data.pool import Contents, Source
from metassl.data.preparing.progress import track
from metassl.data.tinted.refusals import check_letters

STEPS = 16  # of a pixel
INK = 0.4  # share of the darkest pixel from which a pixel is ink


class Midlines:
    """Says of each pixel how far the middle of the nearest stroke is, so that strokes can be drawn anew.

    Items are [n, H, W, 1] uint8, sixteenths of a pixel up to 255; otherwise a source as that of the letters.

    The middle is the skeleton of the ink. Source: Zhang & Suen 1984, by scikit-image.

    Args:
        letters: a source of grey pictures.
    """

    def __init__(self, letters: Source) -> None:
        self.letters = letters
        self.name = f"{letters.name}-midlines"

    def fingerprint(self) -> Mapping[str, Any]:
        """That of the letters."""
        return {"version": 1, "letters": dict(self.letters.fingerprint())}

    def read(self) -> Contents:
        """Raises what the letters' source raises, and DataError for pictures in colour."""
        contents = self.letters.read()
        check_letters(contents.items)
        items = np.stack(list(_distances(contents.items)))[..., None]
        return replace(contents, items=items)


def _distances(items: np.ndarray) -> Iterator[np.ndarray]:
    from scipy.ndimage import distance_transform_edt  # here, because they take long to import
    from skimage.morphology import skeletonize

    for image in track(items[..., 0], "midlines"):
        ink = image > INK * image.max()
        away = distance_transform_edt(~skeletonize(ink)) if ink.any() else np.full(image.shape, np.inf)
        yield np.minimum(np.rint(STEPS * away), 255).astype(np.uint8)
