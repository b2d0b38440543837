"""Arrays that would be read as something else, or overflow later, are refused in one line by both doors."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import metassl
from metassl.data.arrays import Arrays
from metassl.data.store import load
from metassl.errors import DataError

LABELS = np.repeat(np.arange(10), 4)
VECTORS = np.random.default_rng(0).normal(size=(40, 3))


def by_file(x: np.ndarray, y: np.ndarray, folder: Path) -> Any:
    np.savez(folder / "data.npz", images=x, labels=y)
    return load(Arrays(folder / "data.npz"), folder / "cache", progress=False)


def by_library(x: np.ndarray, y: np.ndarray, folder: Path) -> Any:
    return metassl.episodes(x, y, way=2, queries=1, unlabelled=1)


@pytest.mark.parametrize("door", [by_file, by_library])
@pytest.mark.parametrize(
    ("x", "y", "line"),
    [
        (VECTORS, LABELS.astype(np.uint64) + 2**63, "found label 9223372036854775808, allowed are labels >= 0 and"),
        (VECTORS, LABELS - 1, "found label -1, allowed are labels >= 0."),
        (VECTORS * 1e30, LABELS, "e+30, allowed are numbers from -1e+09 to 1e+09"),
        (np.zeros((40, 3, 20, 20), np.uint8), LABELS, "has its 3 channels first. Allowed are images [n, h, w, c]"),
        (np.zeros((40, 3, 16, 20)), LABELS, "has its 3 channels first"),
        (np.zeros((40, 1, 28, 28), np.uint8), LABELS, "has its 1 channels first"),
    ],
)  # fmt: skip
def test_refused(door: Callable[..., Any], x: np.ndarray, y: np.ndarray, line: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        door(x, y, tmp_path)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("door", [by_file, by_library])
@pytest.mark.parametrize(
    "shape", [(40, 20, 20, 3), (40, 3, 3, 64), (40, 1, 30, 2), (40, 3, 3, 3), (40, 8, 8)]
)
def test_taken(door: Callable[..., Any], shape: tuple[int, ...], tmp_path: Path) -> None:
    """Maps of a few places and many channels, too."""
    x = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    assert door(x, LABELS, tmp_path) is not None
