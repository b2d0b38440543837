"""Makes pictures of letters by what each is to look like.

Legend: n pictures, A attributes, C letters, H height, W width.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from metassl.data.pool import Contents
from metassl.data.tinted.attributes import Attribute
from metassl.data.tinted.canvas import blank
from metassl.data.tinted.midlines import STEPS


class Painter:
    """Paints letters, changed by attributes one after the other.

    Args:
        contents: the letters, in grey.
        attributes: in their order.
        midlines: those of the letters, where an attribute reads them.
    """

    def __init__(
        self, contents: Contents, attributes: Sequence[Attribute], midlines: Contents | None = None
    ) -> None:
        self.items, self.attributes = contents.items, attributes
        self.midlines = None if midlines is None else midlines.items
        self.starts = np.cumsum(contents.counts) - contents.counts

    def __call__(self, levels: np.ndarray, drawings: np.ndarray, u: np.ndarray) -> np.ndarray:
        """[n, H, W, 3] float32 in 0..1 of letters levels[0] [n] in these drawings [n].

        levels[1:] [A, n] are those of the attributes, u [1 + A, n, 2] random numbers in [0, 1) for looks.
        """
        rows = self.starts[levels[0]] + drawings
        canvas = blank(self.items[rows, :, :, 0])
        if self.midlines is not None:
            canvas = replace(canvas, away=self.midlines[rows, :, :, 0].astype(np.float32) / STEPS)
        for attribute, level, numbers in zip(self.attributes, levels[1:], u[1:], strict=True):
            canvas = attribute.changed(canvas, level, numbers)
        return canvas.pixels()
