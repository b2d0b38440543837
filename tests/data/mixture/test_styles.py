"""What each style does to a picture."""

import numpy as np
import pytest
from PIL import Image, ImageFilter
from skimage.morphology import dilation, erosion

from metassl.data.mixture.styles import BLUR, STYLES, blur, inverted, pencil, plain, rotated
from metassl.data.mixture.together import grey

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (4, 20, 20, 3), dtype=np.uint8)
GREY = COLOUR[..., :1]
EACH = pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
BOTH = pytest.mark.parametrize("pictures", [GREY, COLOUR], ids=("grey", "colour"))


@EACH
@BOTH
def test_a_style_is_a_function_of_each_picture_alone(style, pictures: np.ndarray) -> None:
    before = pictures.copy()
    all_at_once = style(pictures)
    assert (all_at_once.shape, all_at_once.dtype) == (pictures.shape, np.uint8)
    one_by_one = np.concatenate([style(pictures[k : k + 1]) for k in range(len(pictures))])
    np.testing.assert_array_equal(all_at_once, one_by_one)
    np.testing.assert_array_equal(pictures, before)


@BOTH
def test_no_two_styles_give_the_same(pictures: np.ndarray) -> None:
    made = [style(pictures) for style in STYLES.values()]
    for k, one in enumerate(made):
        for other in made[:k]:
            assert np.abs(one.astype(int) - other).mean() > 10


def test_plain_leaves_a_picture_as_it_is() -> None:
    np.testing.assert_array_equal(plain(COLOUR), COLOUR)


def test_blur_is_a_gaussian_of_a_twentieth_of_the_side() -> None:
    dot = np.zeros((1, 41, 41, 1), np.uint8)
    dot[0, 20, 20] = 255
    soft = blur(np.repeat(dot, 1, 0)).astype(float)[0, :, :, 0]
    away = np.arange(41) - 20
    width = BLUR * 41
    exact = np.exp(-(away**2) / (2 * width**2))
    exact = 255 * np.outer(exact, exact) / exact.sum() ** 2
    assert np.abs(soft - exact).max() < 1


def test_blur_is_near_to_pillows() -> None:
    image = Image.fromarray(np.repeat(np.repeat(COLOUR[0, :10, :10], 4, 0), 4, 1))
    ours = blur(np.asarray(image)[None])[0].astype(float)
    theirs = np.asarray(image.filter(ImageFilter.GaussianBlur(BLUR * 40)), float)
    inner = slice(8, 32)
    assert np.abs(ours - theirs)[inner, inner].mean() < 3  # theirs is a few box blurs


def test_pencil_draws_dark_lines_where_brightness_jumps() -> None:
    edge = np.zeros((1, 6, 8, 1), np.uint8)
    edge[:, :, 4:] = 200
    drawn = pencil(edge)[0, :, :, 0]
    assert (drawn[:, 3:5] == 55).all()
    assert (np.delete(drawn, (3, 4), axis=1) == 255).all()


def test_pencil_is_scikit_images_gradient_and_has_no_colour() -> None:
    drawn = pencil(COLOUR)
    assert (drawn == drawn[..., :1]).all()
    bright, box = grey(COLOUR)[0, :, :, 0], np.ones((3, 3))
    np.testing.assert_array_equal(drawn[0, :, :, 0], 255 - (dilation(bright, box) - erosion(bright, box)))


def test_pencil_draws_a_negative_alike() -> None:
    np.testing.assert_array_equal(pencil(inverted(GREY)), pencil(GREY))


def test_inverted_twice_and_rotated_four_times_is_as_it_was() -> None:
    np.testing.assert_array_equal(inverted(inverted(COLOUR)), COLOUR)
    assert (inverted(COLOUR) + COLOUR == 255).all()
    turned = rotated(COLOUR)
    np.testing.assert_array_equal(turned[0], np.asarray(Image.fromarray(COLOUR[0]).rotate(90)))
    np.testing.assert_array_equal(rotated(rotated(rotated(turned))), COLOUR)
