"""Reads pickled arrays of strangers: nothing that a file names is imported, called or changed.

A pickle is a program that may call whatever can be imported. This reader knows the few globals with which
NumPy and Python 2 write arrays, numbers, text and plain containers, puts stand-ins in their place, and
refuses any other.
"""

import pickle
from pathlib import Path
from typing import Any, BinaryIO

from metassl.data.images.imagenet.stand_ins import Array, Each, Refused, stand_ins, text
from metassl.errors import DataError

SMALL = 64  # bytes or letters: names and keys
ALLOWED = "arrays of numbers or text, numbers, text and plain containers"
_FORGOTTEN = object()


def load(path: Path, each: Each | None = None) -> Any:
    """What a pickle of any protocol holds.

    Byte strings of Python 2 stay bytes, but the keys of a dict become text. Arrays may be read-only.

    Args:
        path: the file.
        each: is given each array as soon as it is read; its result stands where the array stood. So
            a file of many arrays need not be in memory as a whole.

    Raises:
        DataError: no such file, a damaged one, or one that names any other global; and what `each` raises.
    """
    try:
        with path.open("rb") as file:
            return _finished(_Unpickler(file, each).load())
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"'{path}' can't be read: {error.strerror}.") from error
    except Refused as error:
        raise DataError(f"'{path}' is refused: it {error}, allowed are {ALLOWED}.") from None
    # The unpickler raises nearly anything on a broken file.
    except Exception as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"'{path}' is truncated, corrupt or no pickle: {why}.") from error


# Python's own reader rather than the one in C, for what it remembers can be chosen.
class _Unpickler(pickle._Unpickler):
    def __init__(self, file: BinaryIO, each: Each | None) -> None:
        super().__init__(file, encoding="bytes")
        if each:
            self.memo = _ForgetfulMemo()
        self._known = stand_ins(each or (lambda array: array))

    def find_class(self, module: str, name: str) -> Any:
        """Our stand-in for a global. Imports nothing."""
        if (module, name) not in self._known:
            raise Refused(f"names '{module}.{name}'")
        return self._known[module, name]


class _ForgetfulMemo(dict[int, Any]):
    """What a pickle may refer to again, but for the bytes of arrays: they would all stay in memory."""

    def __setitem__(self, place: int, value: Any) -> None:
        parts = value if isinstance(value, tuple) else (value,)
        large = any(isinstance(part, bytes | bytearray | str) and len(part) > SMALL for part in parts)
        super().__setitem__(place, _FORGOTTEN if large else value)

    def __getitem__(self, place: int) -> Any:
        value = super().__getitem__(place)
        if value is _FORGOTTEN:
            raise KeyError(place)
        return value


def _finished(found: Any, known: dict[int, Any] | None = None) -> Any:
    """The same containers with arrays in place of their stand-ins, and text for keys of bytes.

    What a pickle holds many times is finished once: lists of lists of one list can stand for billions.
    """
    known = {} if known is None else known
    if id(found) in known:
        return known[id(found)]
    if isinstance(found, Array):
        return found.value
    if isinstance(found, dict):
        made: Any = {text(k) if isinstance(k, bytes) else k: _finished(x, known) for k, x in found.items()}
    elif isinstance(found, list | tuple):
        made = type(found)(_finished(x, known) for x in found)
    else:
        return found
    known[id(found)] = made
    return made
