"""What every source's contents must satisfy before they are stored."""

from collections.abc import Mapping, Sequence

import numpy as np

from metassl.data.forms import check_reach
from metassl.data.pool import SPLITS, Contents
from metassl.errors import DataError


def check(contents: Contents) -> None:
    """Raises DataError with one line unless `contents` is all that `Contents` promises."""
    items, names = contents.items, contents.class_names
    counts = np.asarray(contents.counts)
    if items.dtype not in (np.uint8, np.float32):
        raise DataError(f"items: found dtype {items.dtype}, allowed are uint8 and float32.")
    if len(names) == 0 or len(counts) != len(names):
        raise DataError(f"classes: found {len(names)} names and {len(counts)} counts, one each is needed.")
    if (counts <= 0).any():
        raise DataError(f"class '{names[int(np.argmax(counts <= 0))]}' has no items, at least 1 is needed.")
    if int(counts.sum()) != len(items):
        raise DataError(f"counts: the classes sum to {int(counts.sum())} items, found {len(items)} items.")
    if len(set(names)) != len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise DataError(f"class name '{twice}' occurs more than once, names must be unique.")
    check_splits(contents.splits, names)
    _check_finite(items, counts, names)


def check_splits(splits: Mapping[str, Sequence[int]], names: Sequence[str]) -> None:
    """Raises DataError unless the splits are known, in range of `names` and disjoint."""
    unknown = set(splits) - set(SPLITS)
    if unknown:
        raise DataError(f"splits: found '{min(unknown)}', allowed are {', '.join(SPLITS)}.")
    taken: dict[int, str] = {}
    for split, classes in splits.items():
        for k in classes:
            if not 0 <= k < len(names):
                raise DataError(f"split '{split}': found class index {k}, allowed are 0 to {len(names) - 1}.")
            if k in taken:
                raise DataError(
                    f"class '{names[k]}' is in split '{taken[k]}' and in split '{split}', allowed is one."
                )
            taken[k] = split


def _check_finite(items: np.ndarray, counts: np.ndarray, names: Sequence[str]) -> None:
    if items.dtype == np.uint8:
        return
    bad = ~np.isfinite(items.reshape(len(items), -1)).all(axis=1)
    if bad.any():
        first = int(np.searchsorted(np.cumsum(counts), np.argmax(bad), side="right"))
        raise DataError(
            f"items: found NaN or infinite values in {int(bad.sum())} of {len(items)} items, "
            f"the first in class '{names[first]}', all must be finite."
        )
    check_reach("items", items)
