"""What the pickled distributions of miniImageNet and tieredImageNet have in common."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from metassl.data.images.imagenet import safe_pickle
from metassl.data.images.imagenet.stand_ins import text
from metassl.errors import DataError, one_of


def read_dict(file: Path, *keys: str) -> dict[str, Any]:
    """The dict of a pickle, which has all of `keys`. Raises DataError otherwise."""
    found = safe_pickle.load(file)
    if not isinstance(found, dict):
        raise DataError(f"'{file}': found {type(found).__name__}, expected a dict of {' and '.join(keys)}.")
    for key in keys:
        if key not in found:
            raise DataError(one_of(f"'{file}', key", key, map(str, found)))
    return found


def images_of(file: Path, key: str, value: Any) -> np.ndarray:
    """[n, h, w, 3] uint8, or DataError."""
    if isinstance(value, np.ndarray) and value.dtype == np.uint8 and value.shape[3:] == (3,):
        return value
    raise DataError(f"'{file}', '{key}': found {_kind(value)}, expected uint8 [n, h, w, 3].")


def numbers_of(file: Path, key: str, value: Any, below: int | None = None) -> np.ndarray:
    """[n] int64 from 0 (and below `below`), from a list or an array; or DataError."""
    # A list is checked before NumPy makes an array of whatever is in it.
    if isinstance(value, list) and all(type(number) is int for number in value):
        value = np.array(value, dtype=np.int64)
    if not isinstance(value, np.ndarray) or value.ndim != 1 or value.dtype.kind not in "iu":
        raise DataError(f"'{file}', '{key}': found {_kind(value)}, expected a list of whole numbers.")
    if len(value) and (value.min() < 0 or (below is not None and value.max() >= below)):
        wrong, top = (
            value.min() if value.min() < 0 else value.max(),
            "" if below is None else f" to {below - 1}",
        )
        raise DataError(f"'{file}', '{key}': found {wrong}, allowed are whole numbers from 0{top}.")
    return value.astype(np.int64)


def named(labels: np.ndarray, names: Mapping[int, str]) -> tuple[list[str], np.ndarray]:
    """The names of the classes that occur, and [n] the place of each label among them."""
    values, rank = np.unique(labels, return_inverse=True)
    return [names.get(int(value), str(value)) for value in values], rank


def name_list(value: Any) -> dict[int, str]:
    """Names by number, of a list of text; nothing for anything else."""
    return {k: text(name) for k, name in enumerate(value)} if isinstance(value, list) else {}


def _kind(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {list(value.shape)}"
    return type(value).__name__
