"""The user's own arrays: any .npz of images or feature vectors with labels."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from metassl.data.class_splits import SplitChoice
from metassl.data.forms import check_channels_last, check_labels
from metassl.data.pool import Contents
from metassl.data.preparing.archives import NO_NPZ, opened, read_array
from metassl.errors import DataError, one_of
from metassl.schema.ranges import Ratio, Seed

NAMES_KEY = "class_names"


class Arrays:
    """Items and labels of one .npz file; a class is a label."""

    name = "arrays"

    def __init__(
        self,
        path: str | Path,
        items_key: str = "images",
        labels_key: str = "labels",
        names_key: str = NAMES_KEY,
        splits: str | Path | None = None,
        ratio: Ratio = (0.6, 0.2, 0.2),
        seed: Seed = 0,
    ) -> None:
        """Remembers what to read.

        Args:
            path: an .npz file.
            items_key: its array of images, uint8 or float [n, h, w] or [n, h, w, c], or of float
                vectors [n, d].
            labels_key: its array [n] of whole numbers >= 0 or of strings.
            names_key: its array of strings that labels index; without it a label is its own name.
            splits: a JSON file {"train": [names], "val": [names], "test": [names]}.
            ratio: without `splits`, the shares of classes for train, val and test.
            seed: of the choice by `ratio`.

        Raises:
            DataError: no path given.
        """
        if not path:
            raise DataError("dataset.source.path: found nothing, give an .npz file of images and labels.")
        self.path, self.keys = Path(path), (items_key, labels_key, names_key)
        self.choice = SplitChoice(splits, ratio, seed)

    def fingerprint(self) -> Mapping[str, Any]:
        """The file's place, size and time, the keys and the split. Raises DataError for no such file."""
        if not self.path.is_file():
            raise DataError(f"dataset.source.path: '{self.path}' is not a file, give an .npz file.")
        state = self.path.stat()
        file = [str(self.path.resolve()), state.st_size, state.st_mtime_ns]
        return {"version": 1, "file": file, "keys": list(self.keys), **self.choice.fingerprint()}

    def read(self) -> Contents:
        """Raises DataError with one line for a wrong key, type, shape or label."""
        items, counts, names = read_npz(self.path, *self.keys)
        if len(names) < 2:
            raise DataError(f"'{self.path}': found {len(names)} class, at least 2 are needed.")
        return Contents(items, counts, names, self.choice.of(names), {"source": f"'{self.path}'"})


def read_npz(
    path: Path, items_key: str, labels_key: str, names_key: str = NAMES_KEY
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Items sorted by class [n, ...] uint8 or float32, counts [C] and names [C] of one .npz file.

    Raises:
        DataError: a file, key, type, shape or label that isn't as `Arrays` describes it.
    """
    arrays = loaded(path, (items_key, labels_key, names_key))
    items, labels = items_of(path, items_key, arrays), labels_of(path, labels_key, arrays)
    if len(items) != len(labels) or len(items) == 0:
        raise DataError(
            f"'{path}': found {len(items)} items in '{items_key}' and {len(labels)} labels in "
            f"'{labels_key}', needed is one label for each item and at least one item."
        )
    values, rank, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return (
        items[np.argsort(rank, kind="stable")],
        counts.astype(np.int64),
        _names(path, values, names_key, arrays),
    )


def loaded(path: Path, keys: Sequence[str]) -> dict[str, np.ndarray]:
    """Those of `keys` that the file has. Only `NAMES_KEY` may be absent."""
    _refuse_npy(path)
    with opened(path, NO_NPZ) as archive:
        present = {name.removesuffix(".npy") for name in archive.namelist()}
        # Any other array, which may be large or pickled, stays unread.
        arrays = {key: read_array(path, archive, key) for key in keys if key in present}
    for key in keys:
        optional = key == NAMES_KEY and key == keys[-1]
        if key not in present and not optional:
            raise DataError(one_of(f"'{path}', array", key, present))
    return arrays


def _refuse_npy(path: Path) -> None:
    """A single array is a likely slip, and has an answer of its own."""
    try:
        with path.open("rb") as file:
            start = file.read(len(np.lib.format.MAGIC_PREFIX))
    except OSError as error:
        raise DataError(f"'{path}' {NO_NPZ}: {error.strerror}.") from error
    if start == np.lib.format.MAGIC_PREFIX:
        raise DataError(f"'{path}' is not an .npz file: save it with numpy.savez.")


def items_of(path: Path, key: str, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Images [n, h, w, c] uint8 or float32, or vectors [n, d] float32, out of those that were loaded."""
    items = arrays[key]
    vectors, images = items.ndim == 2, items.ndim in (3, 4)
    floating = np.issubdtype(items.dtype, np.floating)
    if not (images and (floating or items.dtype == np.uint8)) and not (vectors and floating):
        raise DataError(
            f"'{path}', array '{key}': found {items.dtype} {list(items.shape)}, allowed are uint8 or float "
            f"images [n, h, w] or [n, h, w, c] and float vectors [n, d]."
        )
    check_channels_last(f"'{path}', array '{key}'", items.shape)
    if 0 in items.shape[1:]:
        raise DataError(f"'{path}', array '{key}': found shape {list(items.shape)}, no size may be 0.")
    if floating:
        with np.errstate(over="ignore"):  # what overflows float32 becomes infinite and is refused later
            items = items.astype(np.float32)
    return items[..., None] if items.ndim == 3 else items


def labels_of(path: Path, key: str, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Whole numbers >= 0 or strings [n] out of the arrays that were loaded."""
    labels = arrays[key]
    if labels.ndim != 1 or labels.dtype.kind not in "iuU":
        found = f"{labels.dtype} {list(labels.shape)}"
        raise DataError(f"'{path}', array '{key}': found {found}, allowed are whole numbers or strings [n].")
    check_labels(f"'{path}', array '{key}'", labels)
    return labels


def _names(path: Path, values: np.ndarray, key: str, arrays: Mapping[str, np.ndarray]) -> list[str]:
    if key not in arrays or values.dtype.kind == "U":
        return [str(value) for value in values]
    names = arrays[key]
    if names.ndim != 1 or names.dtype.kind != "U":
        found = f"{names.dtype} {list(names.shape)}"
        raise DataError(f"'{path}', array '{key}': found {found}, allowed are strings, one for each class.")
    if values[-1] >= len(names):
        raise DataError(f"'{path}': found label {values[-1]}, allowed by '{key}' are 0 to {len(names) - 1}.")
    return [str(names[value]) for value in values]
