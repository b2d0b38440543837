"""Reads arrays of numbers out of MATLAB's .mat files, which may come from anywhere: within limits."""

import math
from pathlib import Path

import numpy as np

from metassl.errors import DataError, UserError

NUMBERS = (
    "double",
    "single",
    "logical",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
)
MOST = 1 << 28  # numbers of an array, 2 GB as they are calculated with


def matlab_arrays(path: Path, keys: tuple[str, ...]) -> list[np.ndarray]:
    """The arrays [rows, columns] of these names.

    Only these are read, and only plain numbers: a file's cells, structures and functions stay unread.

    Raises:
        DataError: no such file, another format, a name that is not there, or one that is no array of numbers.
    """
    if not path.is_file():
        raise DataError(f"'{path}' doesn't exist.")
    from scipy.io import loadmat, whosmat  # here, because it takes long to import

    try:
        held = {name: (shape, kind) for name, shape, kind in whosmat(str(path))}
        for key in keys:
            _check(path, key, held)
        found = loadmat(str(path), variable_names=list(keys))
        arrays = [np.asarray(found[key]) for key in keys]
    except UserError:
        raise
    # scipy's reader raises nearly anything on a broken file
    except Exception as error:
        why = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise DataError(f"'{path}' can't be read as a .mat file: {why}.") from error
    for key, array in zip(keys, arrays, strict=True):
        if array.dtype.kind not in "biuf" or array.ndim != 2:
            raise DataError(f"'{path}', array '{key}': found {array.dtype} {list(array.shape)}, {ALLOWED}")
    return arrays


ALLOWED = "allowed are numbers [rows, columns]."


def _check(path: Path, key: str, held: dict[str, tuple[tuple[int, ...], str]]) -> None:
    """Raises DataError by what the file says of its arrays, before any of them is read."""
    if key not in held:
        raise DataError(f"'{path}': found the arrays {', '.join(sorted(held)) or 'none'}, '{key}' is needed.")
    shape, kind = held[key]
    if kind not in NUMBERS or len(shape) != 2 or math.prod(shape) > MOST:
        raise DataError(f"'{path}', array '{key}': found {kind} {list(shape)}, {ALLOWED}")
