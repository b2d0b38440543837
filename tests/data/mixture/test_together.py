"""Pictures of one size and of one number of channels."""

import numpy as np
import pytest

from metassl.data.mixture.together import brought_together, check_pictures, grey
from metassl.errors import DataError

RNG = np.random.default_rng(0)


def test_what_fits_stays_as_it_is() -> None:
    colour = RNG.integers(0, 256, (3, 9, 9, 3), dtype=np.uint8)
    np.testing.assert_array_equal(brought_together(colour, 9, 3), colour)
    one = colour[..., :1]
    np.testing.assert_array_equal(brought_together(one, 9, 1), one)


def test_grey_is_repeated_and_colour_becomes_brightness() -> None:
    one = RNG.integers(0, 256, (3, 9, 9, 1), dtype=np.uint8)
    np.testing.assert_array_equal(brought_together(one, 9, 3), one.repeat(3, -1))
    pure = np.zeros((1, 1, 3, 3), np.uint8)
    pure[0, 0] = 255 * np.eye(3)
    assert grey(pure).ravel().tolist() == [76, 150, 29]  # 255 · (0.299, 0.587, 0.114)
    np.testing.assert_array_equal(grey(brought_together(one, 9, 3)), one)


@pytest.mark.parametrize(("side", "size"), [(8, 4), (8, 16), (6, 9), (9, 6)])
def test_resizing_keeps_the_mean_and_what_is_even(side: int, size: int) -> None:
    y, x = np.mgrid[:side, :side]
    slope = (20 * x + 3 * y).astype(np.uint8)[None, :, :, None]
    made = brought_together(slope, size, 1)
    assert made.shape == (1, size, size, 1)
    assert abs(float(made.mean()) - float(slope.mean())) < 1.5
    assert (np.diff(made[0, :, :, 0].astype(int), axis=1) >= 0).all()
    even = np.full((2, side, side, 3), 77, np.uint8)
    assert (brought_together(even, size, 3) == 77).all()


def test_nothing_is_cut_off() -> None:
    wide = np.zeros((1, 8, 16, 1), np.uint8)
    wide[:, :, -1] = 255
    assert brought_together(wide, 8, 1)[0, :, -1].min() > 100


@pytest.mark.parametrize("items", [
    np.zeros((3, 5), np.float32), np.zeros((3, 5, 5, 3), np.float32), np.zeros((3, 5, 5, 2), np.uint8),
])  # fmt: skip
def test_what_is_no_picture_is_one_line(items: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"^here: found (float32|uint8) \[3, 5.*allowed are pictures, uint8"):
        check_pictures(items, "here")
