"""Pickles as Python 2 and 3 write them, and one that calls what it names."""

import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar


class Python2Pickler(pickle._Pickler):
    """Writes text and bytes as the str of Python 2, of which NumPy's arrays are made there too."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_str(self, obj: str | bytes) -> None:
        raw = obj.encode("latin1") if isinstance(obj, str) else obj
        self.write(b"T" + struct.pack("<i", len(raw)) + raw)

    dispatch[str] = dispatch[bytes] = save_str


def python2(path: Path, content: Any) -> Path:
    """Writes content as Python 2 with NumPy 1 did."""
    with path.open("wb") as file:
        Python2Pickler(file, protocol=2).dump(content)
    path.write_bytes(path.read_bytes().replace(b"numpy._core", b"numpy.core"))
    return path


def python3(path: Path, content: Any, protocol: int = 4) -> Path:
    """Writes content as today's Python does."""
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


class Call:
    """Calls `function` when it is unpickled."""

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        self.reduced = (function, args)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.reduced
