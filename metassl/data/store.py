"""Keeps what a source holds as plain files, prepared once and memory-mapped ever after.

A prepared source is the folder `<cache_dir>/<name>-<12 hex digits of its fingerprint>/`:

* `items.npy`: the items, uint8 or float32, sorted by class;
* `meta.json`: counts, class names, splits, the source's notes, and the shape, dtype and size of
  `items.npy`, against which it is checked whenever it is opened.

The folder is written under another name and renamed when complete, so a job killed in the middle
leaves nothing that looks prepared. A lock lets one of several jobs prepare; the others wait and read.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from filelock import FileLock

from metassl.data.pool import SPLITS, Contents, Source
from metassl.data.preparing.checks import check, check_splits
from metassl.data.preparing.progress import progress_shown
from metassl.data.preparing.room import filled, room_in
from metassl.errors import DataError, UserError
from metassl.files import read_json

FORMAT = 1
ITEMS = "items.npy"


def load(source: Source, cache_dir: Path, *, progress: bool = True) -> Contents:
    """What `source` holds, prepared on the first call and memory-mapped (read-only) from then on.

    Args:
        source: read only if this fingerprint of it isn't in the cache yet.
        cache_dir: made if it doesn't exist.
        progress: draw progress bars (never where stderr is not a terminal).

    Raises:
        DataError: the source refuses its data, the cache folder can't be written, or what it
            holds is damaged.
    """
    folder = Path(cache_dir) / f"{source.name}-{_key(source)}"
    if not folder.exists():
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(folder.with_name(folder.name + ".lock")), progress_shown(progress):
                if not folder.exists():
                    _prepare(source, folder)
        except OSError as error:
            raise DataError(
                f"cache folder '{cache_dir}' can't be written: {error.strerror or error}."
            ) from error
    return _open(folder)


def _key(source: Source) -> str:
    text = json.dumps({"format": FORMAT, **source.fingerprint()}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _prepare(source: Source, folder: Path) -> None:
    """Writes `folder` in one step. The caller holds its lock, so other unfinished folders are dead."""
    for dead in folder.parent.glob(f".{folder.name}.*"):
        shutil.rmtree(dead, ignore_errors=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        unfinished.chmod(0o755)  # mkdtemp's 0700 would shut out others who share the cache
        try:
            with room_in(unfinished / ITEMS):
                contents = source.read()
        except OSError as error:
            raise DataError(f"source '{source.name}' can't be read: {error}.") from error
        try:
            check(contents)
        except DataError as error:
            raise DataError(f"{contents.meta.get('source', source.name)}: {error}") from error
        _write(contents, unfinished)
        os.rename(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _write(contents: Contents, folder: Path) -> None:
    if not filled(contents.items, folder / ITEMS):
        np.save(folder / ITEMS, contents.items, allow_pickle=False)
    meta = {
        "format": FORMAT,
        "shape": list(contents.items.shape),
        "dtype": str(contents.items.dtype),
        "bytes": (folder / ITEMS).stat().st_size,
        "counts": [int(count) for count in contents.counts],
        "class_names": list(contents.class_names),
        "splits": {split: [int(k) for k in contents.splits.get(split, ())] for split in SPLITS},
        "meta": dict(contents.meta),
    }
    (folder / "meta.json").write_text(json.dumps(meta))


def _open(folder: Path) -> Contents:
    meta = _read_meta(folder / "meta.json")
    file = folder / ITEMS
    try:
        found = file.stat().st_size
        if found != meta["bytes"]:
            raise _damaged(file, f"found {found} bytes, expected {meta['bytes']}")
        items = np.lib.format.open_memmap(file, mode="r")  # of an array of objects it makes none
    except UserError:
        raise
    except Exception as error:  # numpy raises nearly anything on a broken header
        why = "no plain array" if "pickle" in str(error) else " ".join(str(error).split())
        raise _damaged(file, why) from error
    if list(items.shape) != meta["shape"] or str(items.dtype) != meta["dtype"]:
        expected = f"{meta['dtype']} {meta['shape']}"
        raise _damaged(file, f"found {items.dtype} {list(items.shape)}, expected {expected}")
    counts = np.array(meta["counts"], dtype=np.int64)
    if int(counts.sum()) != len(items) or len(counts) != len(meta["class_names"]):
        raise _damaged(folder / "meta.json", "counts, names and items don't agree")
    try:
        check_splits(meta["splits"], meta["class_names"])
    except DataError as error:
        raise _damaged(folder / "meta.json", str(error)) from error
    return Contents(items, counts, meta["class_names"], meta["splits"], meta["meta"])


def _read_meta(file: Path) -> dict[str, Any]:
    try:
        meta = read_json(file)
    except DataError as error:
        raise _damaged(file, str(error).removeprefix(f"{file}: ")) from error
    for key, right in KEYS.items():
        if key not in meta:
            raise _damaged(file, f"no key '{key}'")
        if not right(meta[key]):
            raise _damaged(file, f"'{key}' is not what the store writes")
    return meta


def _numbers(value: Any) -> bool:
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 1 << 62 for n in value)


KEYS: Mapping[str, Callable[[Any], bool]] = MappingProxyType({
    "bytes": lambda value: type(value) is int,
    "class_names": lambda value: isinstance(value, list) and all(isinstance(name, str) for name in value),
    "counts": _numbers,
    "dtype": lambda value: value in ("uint8", "float32"),
    "meta": lambda value: isinstance(value, dict),
    "shape": _numbers,
    "splits": lambda value: isinstance(value, dict) and all(map(_numbers, value.values())),
})  # fmt: skip


def _damaged(file: Path, what: str) -> DataError:
    return DataError(
        f"'{file}' is damaged ({what.rstrip('.')}): delete the folder '{file.parent}' to prepare it anew."
    )
