"""Descriptions of pictures, and how far apart two samples of them are."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from metassl.trained.likeness import PARTS, described, unlikeness

RNG = np.random.default_rng(0)


def drawings(count: int, ink: int = 255) -> np.ndarray:
    """Blurred strokes of some length and width, on 0."""
    found = np.zeros((count, 28, 28, 1))
    for picture in found:
        place, thick, end = RNG.integers(6, 16), RNG.integers(1, 6), RNG.integers(12, 27)
        picture[place : place + thick, 5:end] = ink
    return (gaussian_filter(found, (0, 0.6, 0.6, 0)) * 0.999).round().astype(np.uint8)


def test_a_description_by_hand() -> None:
    """One white pixel in the middle of nine."""
    picture = np.zeros((1, 3, 3, 1), np.uint8)
    picture[0, 1, 1] = 255
    mean, spread, edge, dark, bright, steps = described(picture)[0]
    assert (mean, edge, dark) == (pytest.approx(1 / 9), 0, 0)
    assert spread == pytest.approx(np.sqrt(1 / 9 - 1 / 81))
    assert bright == pytest.approx(np.quantile([0] * 8 + [1], 0.9))
    assert steps == pytest.approx(2 / 6)  # two of six neighbours in each direction
    assert described(np.repeat(picture, 3, axis=-1) / 255)[0] == pytest.approx(described(picture)[0])
    assert described(picture).shape == (1, PARTS)


def test_it_is_zero_of_one_distribution_and_one_of_two_points() -> None:
    x = RNG.normal(size=(400, 3))
    assert abs(unlikeness(x[:200], x[200:])) < 0.02
    assert unlikeness(np.ones((5, 2)), np.zeros((7, 2))) == 1
    assert unlikeness(np.ones((5, 2)), np.ones((7, 2))) == 0
    assert unlikeness(x[:200] + 1, x[200:]) > unlikeness(x[:200] + 0.5, x[200:]) > 0.05


def test_it_is_the_energy_coefficient_of_all_pairs() -> None:
    x, y = RNG.normal(size=(4, 2)), RNG.normal(size=(3, 2)) + 1
    scale = y.std(0)

    def mean(pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
        return float(np.mean([np.linalg.norm((a - b) / scale) for a, b in pairs]))

    between = mean([(a, b) for a in x for b in y])
    within = sum(mean([(z[i], z[j]) for i in range(len(z)) for j in range(len(z)) if i != j]) for z in (x, y))
    assert unlikeness(x, y) == pytest.approx((2 * between - within) / (2 * between))


def test_drawings_are_unlike_their_negatives() -> None:
    known = described(drawings(100))
    assert abs(unlikeness(described(drawings(50)), known)) < 0.05
    assert unlikeness(described(255 - drawings(50)), known) > 0.8
    assert unlikeness(described(drawings(50, ink=40)), known) > 0.5
