"""What takes the place of NumPy's globals while a stranger's pickle is read.

NumPy's own unpickling stays out: a made-up dtype can turn an array's bytes into pointers.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Each = Callable[[np.ndarray], Any]
PLAIN = re.compile(r"b1|[iu][1248]|f[248]|[SU]\d{1,6}")  # types whose bytes are values, never pointers


class Refused(Exception):
    """What a pickle asks for and may not have; the message goes on from "is refused: it"."""


class Global:
    """Stands for a global. A pickle can call it, and change nothing of it."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make

    def __call__(self, *args: Any) -> Any:
        return self._make(*args)

    def __setstate__(self, state: Any) -> None:
        raise Refused("changes a global")


class Array:
    """Stands for an array; `value` is what `each` makes of it once its content has come."""

    __slots__ = ("_each", "value")

    def __init__(self, each: Each) -> None:
        self._each = each
        self.value: Any = None

    def fill(self, shape: Any, dtype: Any, raw: Any, order: Any, axes: Any = None) -> "Array":
        """Checks all that the file says, so that NumPy meets nothing unexpected."""
        if not isinstance(dtype, Dtype) or not isinstance(raw, bytes | bytearray):
            raise Refused("holds an array of objects")
        if not isinstance(shape, tuple) or any(type(n) is not int or n < 0 for n in shape):
            raise ValueError("an array's shape is not a tuple of sizes")
        if math.prod(shape) * dtype.found.itemsize != len(raw):
            raise ValueError("an array's shape and its bytes don't agree")
        array = np.ndarray(shape, dtype.found, raw, order="F" if order == "F" else "C")
        self.value = self._each(array if axes is None else array.transpose(axes))
        return self

    def __setstate__(self, state: Any) -> None:
        *_, shape, dtype, fortran, raw = state
        self.fill(shape, dtype, raw, "F" if fortran else "C")


class Dtype:
    """Stands for numpy.dtype(code), which is given its byte order afterwards."""

    def __init__(self, code: Any, *_: Any) -> None:
        if not PLAIN.fullmatch(text(code)):
            raise Refused(f"holds an array of dtype '{text(code)}'")
        self.found = np.dtype(text(code))

    def __setstate__(self, state: Any) -> None:
        _, order, subarray, names, fields, *_ = state
        if any(part is not None for part in (subarray, names, fields)):
            raise Refused("holds an array of records")
        if order := text(order).strip("|="):
            self.found = self.found.newbyteorder(order)  # type: ignore[arg-type]


def stand_ins(each: Each) -> Mapping[tuple[str, str], Global]:
    """By module and name: all that a pickle may name."""
    known = {
        ("numpy", "ndarray"): Global(_not_called),
        ("numpy", "dtype"): Global(Dtype),
        ("_codecs", "encode"): Global(_encode),
        ("__builtin__", "bytes"): Global(lambda: b""),  # so do protocols 0 to 2 write no bytes at all
        ("collections", "OrderedDict"): Global(dict),
    }
    for core in ("numpy.core", "numpy._core"):  # NumPy 1 and 2
        known[f"{core}.multiarray", "_reconstruct"] = Global(lambda *_: Array(each))
        known[f"{core}.multiarray", "scalar"] = Global(_scalar)
        known[f"{core}.numeric", "_frombuffer"] = Global(
            lambda raw, dtype, shape, order, axes=None: Array(each).fill(shape, dtype, raw, order, axes)
        )
    return known


def text(value: Any) -> str:
    """Text of Python 3, or a byte string of Python 2 as text."""
    return value.decode("latin1") if isinstance(value, bytes) else str(value)


def _not_called(*_: Any) -> None:
    raise Refused("calls 'numpy.ndarray'")


def _encode(content: Any, encoding: Any = "latin1") -> bytes:
    """How protocols 0 to 2 write the bytes of Python 3."""
    if not isinstance(content, str) or encoding != "latin1":
        raise Refused("holds bytes in another encoding than latin1")
    return content.encode("latin1")


def _scalar(dtype: Any, raw: Any) -> Any:
    """A number of NumPy, as Python's."""
    return Array(lambda array: array[0].item()).fill((1,), dtype, raw, "C").value
