"""Images of an .npz file, some at a time: an array in a zip can't be memory-mapped."""

import math
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from metassl.data.images.imagenet.parts import Put
from metassl.data.preparing.archives import NO_NPZ, header, opened
from metassl.data.preparing.progress import track
from metassl.errors import DataError, one_of

BLOCK = 1024  # images at a time; 22 MB of 84 × 84


def send_rows(path: Path, key: str, put: Put) -> None:
    """Hands the array `key` [n, h, w, 3] uint8 over to `put`, `BLOCK` images at a time.

    Raises:
        DataError: no such file or array, another type or shape, or a damaged file.
    """
    with opened(path, NO_NPZ) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist()]
        if key not in names:
            raise DataError(one_of(f"'{path}', array", key, names))
        with archive.open(f"{key}.npy") as member:
            shape = _shape(path, key, archive, member)
            for first in track(range(0, shape[0], BLOCK), path.name):
                rows = min(BLOCK, shape[0] - first)
                raw = member.read(rows * math.prod(shape[1:]))
                put(np.frombuffer(raw, np.uint8).reshape(rows, *shape[1:]))


def _shape(path: Path, key: str, archive: zipfile.ZipFile, member: IO[bytes]) -> tuple[int, ...]:
    shape, columns, dtype = header(path, archive, key, member)
    if columns or dtype != np.uint8 or shape[3:] != (3,):
        order = " by column" if columns else ""
        found = f"{dtype} {list(shape)}{order}"
        raise DataError(f"'{path}', array '{key}': found {found}, expected uint8 [n, h, w, 3].")
    return shape
