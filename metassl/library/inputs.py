"""A user's arrays in the form in which the project keeps inputs and labels.

Legend: n items, h height, w width, c channels, d features.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from metassl.data.forms import check_channels_last, check_labels, check_reach
from metassl.errors import DataError

FORMS = "uint8 or float images [n, h, w] or [n, h, w, c], and float vectors [n, d]"


def inputs(name: str, x: Any) -> NDArray[Any]:
    """Images [n, h, w, c], uint8 or float32, or float32 vectors [n, d], of what is like an array.

    Images of uint8 are not copied.

    Args:
        name: of the argument, for the message.
        x: an array, a tensor on the CPU, or nested lists.

    Raises:
        DataError: another form, or NaN and infinite values.
    """
    array = _array(name, x)
    floating, vectors = array.dtype.kind == "f", array.ndim == 2
    if array.ndim not in (2, 3, 4) or not (floating or (array.dtype == np.uint8 and not vectors)):
        raise DataError(f"{name}: found {array.dtype} {list(array.shape)}, allowed are {FORMS}.")
    check_channels_last(name, array.shape)
    if 0 in array.shape[1:]:
        raise DataError(f"{name}: found shape {list(array.shape)}, no size may be 0.")
    if floating:
        with np.errstate(over="ignore"):  # what overflows float32 becomes infinite and is refused below
            array = array.astype(np.float32, copy=False)
        bad = ~np.isfinite(array).reshape(len(array), -1).all(axis=1)
        if bad.any():
            raise DataError(
                f"{name}: found NaN or infinite values in {int(bad.sum())} of {len(array)} items, the first "
                f"is item {int(np.argmax(bad))}, all must be finite."
            )
        check_reach(name, array)
    return array[..., None] if array.ndim == 3 else array


def labels(name: str, y: Any, count: int) -> NDArray[Any]:
    """Labels [n] of whole numbers from 0 or of strings, one for each of `count` items.

    Raises:
        DataError: another form, or another number of labels.
    """
    array = _array(name, y)
    if array.dtype == object and all(isinstance(label, str) for label in array.flat):
        array = array.astype(str)
    if array.ndim != 1 or array.dtype.kind not in "iuU":
        found = f"{array.dtype} {list(array.shape)}"
        raise DataError(f"{name}: found {found}, allowed are whole numbers or strings [n].")
    if len(array) != count or count == 0:
        raise DataError(
            f"{name}: found {len(array)} labels for {count} items, needed is one label for each item and at "
            "least one item."
        )
    check_labels(name, array)
    return array


def is_values(name: str, y: Any) -> bool:
    """Whether labels are numbers of which there may be any, and no classes."""
    return _array(name, y).dtype.kind == "f"


def values(name: str, y: Any, count: int) -> NDArray[np.float32]:
    """Values [n, K] of `count` items, from numbers [n] or [n, K].

    Raises:
        DataError: another form, another number of rows, or NaN and infinite values.
    """
    array = _array(name, y)
    if array.ndim not in (1, 2) or array.dtype.kind not in "fiu" or 0 in array.shape[1:]:
        raise DataError(
            f"{name}: found {array.dtype} {list(array.shape)}, allowed are numbers [n] or [n, k]."
        )
    if len(array) != count or count == 0:
        raise DataError(f"{name}: found {len(array)} values for {count} items, needed is one for each item.")
    if not np.isfinite(array).all():
        raise DataError(f"{name}: found NaN or infinite values, all must be finite.")
    check_reach(name, array)
    return array.astype(np.float32).reshape(count, -1)


def same_form(name: str, x: NDArray[Any], other: str, like: NDArray[Any]) -> NDArray[Any]:
    """`x` itself, if its items have the shape and the type of those of another argument."""
    if x.shape[1:] != like.shape[1:] or x.dtype != like.dtype:
        found, needed = (f"{a.dtype} {list(a.shape[1:])}" for a in (x, like))
        raise DataError(f"{name}: found items of {found}, needed are {needed} as in {other}.")
    return x


def _array(name: str, x: Any) -> NDArray[Any]:
    try:
        return np.asarray(x)
    except (TypeError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise DataError(f"{name}: can't be made an array of ({reason}).") from None
