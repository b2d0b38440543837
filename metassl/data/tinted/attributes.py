"""What a picture of a letter can vary in besides the letter, in levels that are the classes of a family.

Legend: n pictures, H height, W width.
"""

from dataclasses import replace
from typing import ClassVar

import numpy as np

from metassl.data.tinted.canvas import Canvas
from metassl.errors import ConfigError
from metassl.schema.constructor import checked
from metassl.schema.ranges import Count, Positive, Share

JITTER = 0.25  # of a level, to either side
LEAST = 2  # pixels of a wave, below which a picture can't show it


class Attribute:
    """Changes pictures by levels 0, 1, … that training, validation and test have different ones of.

    A picture of level k is at p = (k + 1/2 ± 1/4) / levels of the attribute's range, uniformly.

    Attributes:
        always: whether every picture varies in it; else those alone that are drawn where it is a family.
        reads_midlines: whether the canvas has to say where strokes run.

    Args:
        levels: in all three splits together.
    """

    always: ClassVar[bool] = False
    reads_midlines: ClassVar[bool] = False

    @checked("dataset.source.kinds")
    def __init__(self, levels: Count = 24) -> None:
        self.levels = levels

    def changed(self, canvas: Canvas, level: np.ndarray, u: np.ndarray) -> Canvas:
        """The pictures at levels [n], by random numbers u [n, 2] in [0, 1)."""
        place = (level + 0.5 + JITTER * (2 * u[:, 0] - 1)) / self.levels
        return self.at(canvas, place.astype(np.float32), u[:, 1].astype(np.float32))

    def at(self, canvas: Canvas, place: np.ndarray, u: np.ndarray) -> Canvas:
        """The pictures at places [n] in 0..1 of the range; u [n] in [0, 1) for what is random besides."""
        raise NotImplementedError


class Hue(Attribute):
    """Tints the ink: fully saturated colours all round the circle, from red at 0 by green and blue to red."""

    always = True

    def at(self, canvas: Canvas, place: np.ndarray, u: np.ndarray) -> Canvas:
        """See Attribute."""
        sixth = 6 * place[:, None] - np.array([3, 2, 4], np.float32)  # red, green, blue
        distance = np.abs(sixth) * np.array([1, -1, -1], np.float32) + np.array([-1, 2, 2], np.float32)
        return replace(canvas, colour=distance.clip(0, 1))


class Thickness(Attribute):
    """Draws the strokes of a letter anew, all of one width, whatever its own were.

    Args:
        levels: see Attribute.
        thinnest, thickest: pixels, the ends of the range; in between the width grows by equal factors.
    """

    reads_midlines = True

    @checked("dataset.source.kinds.thickness")
    def __init__(self, levels: Count = 24, thinnest: Positive = 1.0, thickest: Positive = 5.0) -> None:
        super().__init__(levels)
        self.thinnest, self.thickest = thinnest, thickest
        if not thinnest < thickest:
            raise ConfigError(
                f"dataset.source.kinds.thickness.thinnest: found {thinnest:g} with thickest {thickest:g}, "
                "allowed is less."
            )

    def at(self, canvas: Canvas, place: np.ndarray, u: np.ndarray) -> Canvas:
        """See Attribute."""
        assert canvas.away is not None
        width = self.thinnest * (self.thickest / self.thinnest) ** place
        return replace(canvas, ink=((width[:, None, None] + 1) / 2 - canvas.away).clip(0, 1))


class Slant(Attribute):
    """Leans a letter to the left or the right, whatever its own lean was.

    The lean is the covariance of a pixel's place across and down, over its variance down, weighted by ink;
    each row is moved so that it is from -most to +most. That is how handwriting is made upright.

    Args:
        levels: see Attribute.
        most: pixels across for a pixel down, at the ends of the range.
    """

    @checked("dataset.source.kinds.slant")
    def __init__(self, levels: Count = 24, most: Positive = 1.0) -> None:
        super().__init__(levels)
        self.most = most

    def at(self, canvas: Canvas, place: np.ndarray, u: np.ndarray) -> Canvas:
        """See Attribute."""
        down, own = lean(canvas.ink)
        by = (self.most * (2 * place - 1) - own).clip(-2, 2)
        return replace(canvas, ink=rows_moved(canvas.ink, by[:, None] * down))


class Texture(Attribute):
    """Puts grey stripes behind the letter, at an angle from 0 to 180°.

    Args:
        levels: see Attribute.
        period: pixels from stripe to stripe.
        contrast: brightness of the stripes, 0..1.
    """

    @checked("dataset.source.kinds.texture")
    def __init__(self, levels: Count = 24, period: Positive = 4.0, contrast: Share = 0.5) -> None:
        super().__init__(levels)
        self.period, self.contrast = period, contrast
        if period < LEAST:
            raise ConfigError(
                f"dataset.source.kinds.texture.period: found {period:g}, allowed are pixels from {LEAST}."
            )

    def at(self, canvas: Canvas, place: np.ndarray, u: np.ndarray) -> Canvas:
        """See Attribute; u is where the first stripe is."""
        height, width = canvas.ink.shape[1:]
        y, x = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)
        across, down = (f(np.pi * place)[:, None, None] for f in (np.cos, np.sin))
        wave = np.cos(2 * np.pi * ((across * x + down * y) / self.period + u[:, None, None]))
        return replace(canvas, paper=(self.contrast * (1 + wave) / 2).astype(np.float32))


def lean(ink: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[n, H] how far each row is below the middle of the ink [n, H, W], and [n] its lean, 0 where flat."""
    height, width = ink.shape[1:]
    total = ink.sum((1, 2)).clip(1e-6)[:, None]
    y, x = np.arange(height, dtype=np.float32), np.arange(width, dtype=np.float32)
    rows, columns = ink.sum(2), ink.sum(1)
    down = y - (rows * y).sum(1, keepdims=True) / total
    across = x - (columns * x).sum(1, keepdims=True) / total
    covariance = ((ink @ across[:, :, None])[..., 0] * down).sum(1)
    return down, covariance / (rows * down**2).sum(1).clip(1e-6)


def rows_moved(ink: np.ndarray, by: np.ndarray) -> np.ndarray:
    """[n, H, W] with each row moved right by [n, H] pixels, linear between them; what leaves is lost."""
    width = ink.shape[2]
    source = np.arange(width, dtype=np.float32) - by[..., None] + 1  # in a row with a blank at either end
    whole = np.floor(source)
    share = source - whole
    padded = np.pad(ink, ((0, 0), (0, 0), (1, 1)))
    left, right = ((whole + step).clip(0, width + 1).astype(np.int64) for step in (0, 1))
    moved: np.ndarray = (1 - share) * np.take_along_axis(padded, left, 2)
    return moved + share * np.take_along_axis(padded, right, 2)
