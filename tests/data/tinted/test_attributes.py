"""Attributes of pictures, by hand, and what each can be in which split."""

from dataclasses import replace

import numpy as np
import pytest

from metassl.data.pool import Contents
from metassl.data.tinted.attributes import Attribute, Hue, Slant, Texture, Thickness, lean, rows_moved
from metassl.data.tinted.canvas import Canvas, blank
from metassl.data.tinted.levels import of_split, without_replacement
from metassl.data.tinted.midlines import STEPS, Midlines
from metassl.errors import ConfigError


def drawn(attribute: Attribute, place: float, ink: np.ndarray, u: float = 0.5) -> Canvas:
    columns = (np.full(len(ink), x, np.float32) for x in (place, u))
    return attribute.at(blank(ink), *columns)


def bars() -> np.ndarray:
    """[3, 28, 28] an upright bar, one that leans, and a flat one."""
    ink = np.zeros((3, 28, 28), np.uint8)
    ink[0, 6:22, 12:15] = 255
    for y in range(6, 22):
        ink[1, y, 6 + (y - 6) : 9 + (y - 6)] = 255
    ink[2, 13, 6:22] = 255
    return ink


@pytest.mark.parametrize(("place", "colour"), [
    (0.0, (1, 0, 0)), (1 / 12, (1, 0.5, 0)), (1 / 6, (1, 1, 0)), (1 / 3, (0, 1, 0)), (1 / 2, (0, 1, 1)),
    (2 / 3, (0, 0, 1)), (5 / 6, (1, 0, 1)), (1.0, (1, 0, 0)),
])  # fmt: skip
def test_hues_by_hand(place: float, colour: tuple[float, ...]) -> None:
    np.testing.assert_allclose(drawn(Hue(), place, bars()).colour[0], colour, atol=1e-5)


@pytest.mark.parametrize(("levels", "level", "u", "place"), [
    (24, 0, 0.5, 0.5 / 24), (24, 23, 0.5, 23.5 / 24), (24, 3, 0.0, 3.25 / 24), (24, 3, 1.0, 3.75 / 24), (10, 3, 0.5, 0.35),
])  # fmt: skip
def test_a_level_is_a_quarter_of_it_to_either_side(levels: int, level: int, u: float, place: float) -> None:
    class Told(Attribute):
        def at(self, canvas: Canvas, place: np.ndarray, u: np.ndarray) -> Canvas:
            return Canvas(place, u)

    told = Told(levels).changed(blank(bars()), np.array([level]), np.array([[u, 0.3]]))
    np.testing.assert_allclose((told.ink[0], told.colour[0]), (place, 0.3), atol=1e-6)


@pytest.mark.parametrize("place", [0.0, 0.3, 0.5, 1.0])
def test_a_letter_leans_as_it_is_told_whatever_its_own_lean(place: float) -> None:
    slanted = drawn(Slant(most=0.6), place, bars()).ink
    expected = 0.6 * (2 * place - 1)
    np.testing.assert_allclose(lean(slanted)[1], [expected, expected, 0], atol=0.03)  # a flat one can't lean
    np.testing.assert_allclose(slanted.sum((1, 2)), blank(bars()).ink.sum((1, 2)), rtol=1e-4)


def test_rows_are_moved_and_what_leaves_is_lost() -> None:
    row = np.array([[[1, 2, 3, 4]]], np.float32)
    for by, moved in (
        (1, [0, 1, 2, 3]),
        (-1, [2, 3, 4, 0]),
        (0.5, [0.5, 1.5, 2.5, 3.5]),
        (9, [0] * 4),
        (-9, [0] * 4),
    ):
        np.testing.assert_allclose(rows_moved(row, np.array([[by]], np.float32))[0, 0], moved)


@pytest.mark.parametrize("degrees", [0, 30, 90, 135])
def test_stripes_have_their_angle_and_period_and_lie_behind(degrees: int) -> None:
    ink = np.zeros((1, 32, 32), np.uint8)
    ink[0, :3] = 255
    canvas = drawn(Texture(period=4, contrast=0.5), degrees / 180, ink)
    pixels = canvas.pixels()
    np.testing.assert_allclose(pixels[0, :3], 1)
    assert pixels[0, 3:].min() >= 0
    assert pixels[0, 3:].max() <= 0.5
    power = np.abs(np.fft.fft2(canvas.paper[0] - canvas.paper.mean()))
    down, across = (np.fft.fftfreq(32)[k] for k in np.unravel_index(power.argmax(), power.shape))
    np.testing.assert_allclose(np.hypot(down, across), 1 / 4, atol=1 / 32)
    found = np.degrees(np.arctan2(down, across)) % 180
    assert min(abs(found - degrees), 180 - abs(found - degrees)) < 5


def bar_of(pixels: int) -> np.ndarray:
    """[20, 20, 1] a flat bar."""
    image = np.zeros((20, 20, 1), np.uint8)
    image[8 : 8 + pixels, 2:18] = 255
    return image


def midlines_of(*images: np.ndarray) -> Contents:
    class Bars:
        name = "bars"

        def fingerprint(self) -> dict:
            return {"bars": len(images)}

        def read(self) -> Contents:
            counts = np.ones(len(images), np.int64)
            return Contents(
                np.stack(images), counts, [f"b{k}" for k in range(len(images))], {"train": [0]}, {"m": 1}
            )

    made = Midlines(Bars())
    assert made.fingerprint()["letters"] == {"bars": len(images)}
    return made.read()


def test_strokes_have_the_width_that_is_asked_for_whatever_their_own() -> None:
    found = midlines_of(bar_of(1), bar_of(3), bar_of(5), np.zeros((20, 20, 1), np.uint8))
    assert found.meta == {"m": 1}
    for width in (1.0, 1.5, 2.0, 4.0):
        place = np.full(4, np.log(width) / np.log(5), np.float32)
        canvas = replace(blank(found.items[..., 0]), away=found.items[..., 0].astype(np.float32) / STEPS)
        ink = Thickness(thinnest=1, thickest=5).at(canvas, place, place).ink
        np.testing.assert_allclose(ink[:3, :, 10].sum(1), width, atol=0.02)  # across the stroke
        assert ink[3].max() == 0


def test_the_nearest_stroke_is_told_in_sixteenths() -> None:
    away = midlines_of(bar_of(1)).items[0, :, 10, 0]
    assert list(away[8:12]) == [0, 16, 32, 48]


def test_a_thickness_that_does_not_grow_is_one_line() -> None:
    with pytest.raises(ConfigError, match=r"thickness\.thinnest: found 5 with thickest 5, allowed is less"):
        Thickness(thinnest=5)
    with pytest.raises(ConfigError, match=r"texture\.period: found 1, allowed are pixels from 2"):
        Texture(period=1)


@pytest.mark.parametrize("attribute", [Hue(), Slant(), Texture(), Thickness()])
def test_each_level_looks_different(attribute: Attribute) -> None:
    ink = bars()[:1].repeat(24, 0)
    canvas = replace(blank(ink), away=np.abs(np.arange(28, dtype=np.float32) - 13)[None, None].repeat(24, 0))
    pictures = attribute.changed(canvas, np.arange(24), np.full((24, 2), 0.5)).pixels()
    distances = np.abs(pictures[:, None] - pictures[None]).mean((2, 3, 4)) + np.eye(24)
    assert distances.min() > 1e-3
    assert pictures.min() >= 0
    assert pictures.max() <= 1 + 1e-6


@pytest.mark.parametrize("count", [2, 15, 24, 48])
def test_the_splits_share_no_level_and_have_all(count: int) -> None:
    splits = [of_split(count, split) for split in ("train", "val", "test")]
    assert sorted(np.concatenate(splits)) == list(range(count))
    assert all(level % 2 for level in splits[2])
    if count == 24:
        assert [len(levels) for levels in splits] == [7, 5, 12]


def test_each_level_comes_once_a_round_and_is_as_likely_anywhere() -> None:
    drawn_levels = without_replacement(np.random.default_rng(0).random((4000, 7)), 3)
    assert (np.sort(drawn_levels[:, :3]) == [0, 1, 2]).all()
    assert (np.sort(drawn_levels[:, 3:6]) == [0, 1, 2]).all()
    for place in drawn_levels.T:
        assert abs(np.bincount(place) / 4000 - 1 / 3).max() < 0.04
