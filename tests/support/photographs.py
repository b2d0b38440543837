"""Small pictures in the layouts of ImageNet's subsets; the colour says the class and the number of each."""

import io
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metassl.data.class_splits import published
from metassl.data.pool import SPLITS, Contents
from metassl.data.store import Source, load
from metassl.errors import DataError

EACH = 2  # pictures a class


@cache
def classes(name: str) -> dict[str, list[str]]:
    """The classes of each split, by name."""
    return {split: sorted(found) for split, found in published(name).items()}


def photograph(name: str, wordnet: str, i: int, size: int = 6) -> np.ndarray:
    """[size, size, 3] uint8 of one colour: the number of the class in two channels, that of the picture."""
    k = _numbers(name)[wordnet]
    return np.full((size, size, 3), (k % 256, k // 256, 10 * i), dtype=np.uint8)


@cache
def _numbers(name: str) -> dict[str, int]:
    return {found: k for k, found in enumerate(found for split in SPLITS for found in classes(name)[split])}


def error_of(source: Source, cache_dir: Path) -> str:
    """The one line of a load that fails, which leaves nothing in the cache."""
    with pytest.raises(DataError) as caught:
        load(source, cache_dir)
    assert "\n" not in str(caught.value)
    assert not cache_dir.exists() or not [entry for entry in cache_dir.iterdir() if entry.is_dir()]
    return str(caught.value)


def assert_all_there(contents: Contents, name: str) -> None:
    """Classes by split and name, and in each its pictures in order."""
    expected = classes(name)
    assert list(contents.class_names) == [found for split in SPLITS for found in expected[split]]
    start = 0
    for split in SPLITS:
        assert contents.splits[split] == list(range(start, start + len(expected[split])))
        start += len(expected[split])
    assert_pictures(contents)


def assert_pictures(contents: Contents) -> None:
    """The colours, whatever the names."""
    count = len(contents.class_names)
    np.testing.assert_array_equal(contents.counts, [EACH] * count)
    assert contents.items.dtype == np.uint8
    colours = contents.items[:, 0, 0].astype(int)
    np.testing.assert_array_equal(
        contents.items, np.broadcast_to(contents.items[:, :1, :1], contents.items.shape)
    )
    np.testing.assert_array_equal(colours[:, 0] + 256 * colours[:, 1], np.repeat(np.arange(count), EACH))
    np.testing.assert_array_equal(colours[:, 2], np.tile(np.arange(EACH) * 10, count))


def every(name: str, split: str) -> Iterator[tuple[str, int, np.ndarray]]:
    """Class, number and picture of a split; not class by class, as some files have it."""
    for i in range(EACH):
        for wordnet in reversed(classes(name)[split]):
            yield wordnet, i, photograph(name, wordnet, i)


def png(picture: np.ndarray) -> bytes:
    """The bytes of a picture as PNG."""
    memory = io.BytesIO()
    Image.fromarray(picture).save(memory, "png")
    return memory.getvalue()


def save(file: Path, picture: np.ndarray) -> None:
    """Writes a picture, and the folders on the way to it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(file)


def class_folders(folder: Path, name: str, by_split: bool) -> None:
    """<split>/<class>/, or images/<class>/."""
    for split in SPLITS:
        for wordnet, i, picture in every(name, split):
            save(folder / (split if by_split else "images") / wordnet / f"{wordnet}0000000{i}.png", picture)
