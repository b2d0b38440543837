"""Opens zip files, and the arrays in .npz files, that may come from anywhere: within limits."""

import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from metassl.errors import DataError, UserError

FREE = 1 << 30  # bytes that an archive may expand to, however small it is
TIMES = 200  # beyond that, how many times its own size
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # with which numpy and torch write
NO_NPZ = "can't be read as an .npz of plain arrays"
ENCRYPTED = 0x1  # a member's flag


@contextmanager
def opened(path: Path, wrong: str = "is truncated or corrupt") -> Iterator[zipfile.ZipFile]:
    """A zip file, whose members are stored or deflated and expand to what is reasonable.

    Args:
        path: the file.
        wrong: what the line of an error says of the file.

    Raises:
        DataError: it is no such file, or is found to be damaged within this block.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(path, archive)
            yield archive
    except UserError:
        raise
    # Python's and numpy's readers raise nearly anything on a broken file.
    except Exception as error:
        raise DataError(f"'{path}' {wrong}: {_why(error)}.") from error


def header(
    path: Path, archive: zipfile.ZipFile, name: str, member: IO[bytes]
) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, order (whether by column) and type of an array in an .npz, read from its open member.

    Raises:
        DataError: it holds objects, or claims another number of bytes than it has.
    """
    version = np.lib.format.read_magic(member)
    if version > (2, 0):
        raise ValueError(f"version {version} of .npy")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_column, dtype = read(member)
    if dtype.hasobject:
        raise DataError(
            f"'{path}', array '{name}': found pickled objects, which could run code. Allowed are plain "
            "arrays of numbers or text."
        )
    claimed = math.prod(shape) * dtype.itemsize
    has = archive.getinfo(f"{name}.npy").file_size - member.tell()
    if claimed != has:
        raise DataError(f"'{path}', array '{name}': its header claims {claimed:,} bytes, found {has:,}.")
    return shape, by_column, dtype


def read_array(path: Path, archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """An array of an .npz. Raises as `header`."""
    with archive.open(f"{name}.npy") as member:
        header(path, archive, name, member)
    with archive.open(f"{name}.npy") as member:
        return np.lib.format.read_array(member, allow_pickle=False)


def _check_members(path: Path, archive: zipfile.ZipFile) -> None:
    for info in archive.infolist():
        if info.flag_bits & ENCRYPTED:
            raise DataError(f"'{path}': '{info.filename}' is encrypted, allowed are plain archives.")
        if info.compress_type not in METHODS:
            raise DataError(
                f"'{path}': '{info.filename}' is packed by method {info.compress_type}, allowed are "
                "0 (stored) and 8 (deflated)."
            )
    size, limit = sum(info.file_size for info in archive.infolist()), max(FREE, TIMES * path.stat().st_size)
    if size > limit:
        raise DataError(f"'{path}': expands to {size:,} bytes, allowed for a file of its size are {limit:,}.")


def _why(error: BaseException) -> str:
    """The reason on one line, without numpy's advice to load what can run code."""
    if isinstance(error, MemoryError):
        return "it claims more than there is memory"
    if "pickle" in str(error):
        return "it holds or claims more than plain arrays"
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
