"""A picture before it is one: what is drawn, in which colour, on what paper.

Legend: n pictures, H height, W width.
"""

from dataclasses import dataclass

import numpy as np

COLOURS = 3


@dataclass(frozen=True)
class Canvas:
    """Holds n pictures in the parts that attributes change apart from each other.

    Attributes:
        ink: [n, H, W] float32, how far a pixel is covered, 0..1.
        colour: [n, 3] float32 of the ink, red, green and blue in 0..1.
        paper: [n, H, W] float32, brightness of what is behind, 0..1; None: black.
        away: [n, H, W] float32, pixels to the middle of the nearest stroke; None where nobody asks for it.
    """

    ink: np.ndarray
    colour: np.ndarray
    paper: np.ndarray | None = None
    away: np.ndarray | None = None

    def pixels(self) -> np.ndarray:
        """[n, H, W, 3] float32 in 0..1."""
        drawn = np.empty((*self.ink.shape, COLOURS), np.float32)
        behind = None if self.paper is None else (1 - self.ink) * self.paper
        for k, colour in enumerate(self.colour.T):  # sooner than one product over a last axis of three
            np.multiply(self.ink, colour[:, None, None], out=drawn[..., k])
            if behind is not None:
                drawn[..., k] += behind
        return drawn


def blank(ink: np.ndarray) -> Canvas:
    """White ink [n, H, W] uint8 on black."""
    return Canvas(ink.astype(np.float32) / 255, np.ones((len(ink), COLOURS), np.float32))
