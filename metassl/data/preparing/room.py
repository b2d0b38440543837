"""Where a source of many images puts them: straight into the file that the store is preparing."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import numpy as np

from metassl.errors import DataError

_file: ContextVar[Path | None] = ContextVar("room_file", default=None)


@contextmanager
def room_in(file: Path) -> Iterator[None]:
    """Within this block `room` is the .npy file `file`."""
    token = _file.set(file)
    try:
        yield
    finally:
        _file.reset(token)


def room(shape: tuple[int, ...]) -> np.ndarray:
    """A uint8 array for a source to fill and to return as its items, the only one that it asks for.

    While the store prepares it is a file, and so may be larger than memory; else it is memory.

    Raises:
        DataError: the disk has no room for it.
    """
    file = _file.get()
    if file is None:
        return np.empty(shape, np.uint8)
    items = np.lib.format.open_memmap(file, mode="w+", dtype=np.uint8, shape=shape)
    try:
        _reserve(file)
    except OSError as error:
        raise DataError(
            f"'{file.parent.parent}' has no room for {items.nbytes:,} bytes: {error.strerror}."
        ) from error
    return items


def _reserve(file: Path) -> None:
    """On a full disk writing to a mapped file would kill the process, so its blocks are taken now."""
    if hasattr(os, "posix_fallocate"):
        with file.open("r+b") as opened:
            os.posix_fallocate(opened.fileno(), 0, file.stat().st_size)


def filled(items: np.ndarray, file: Path) -> bool:
    """Whether `items` is the room in `file`; if so, all of it is on its way to the disk."""
    if (
        not isinstance(items, np.memmap)
        or not file.exists()
        or not os.path.samefile(str(items.filename), file)
    ):
        return False
    items.flush()
    return True
