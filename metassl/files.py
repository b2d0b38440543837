"""Writing files so that none is ever half-written."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from metassl.errors import DataError

LARGEST = 1 << 26  # bytes of a JSON file: the names of a million classes


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Calls `write` with a temporary neighbour of `path`, then renames it into place."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Removes the temporary files below a folder that a killed process has left."""
    for path in folder.rglob(".*.tmp"):
        path.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def write_json(path: Path, content: Any) -> None:
    """Indented JSON, whole or not at all."""
    text = json.dumps(content, indent=2) + "\n"
    write_atomically(path, lambda temporary: temporary.write_text(text))


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises DataError for a file that is missing, huge or holds anything else."""
    try:
        if path.stat().st_size > LARGEST:
            raise DataError(f"{path}: found {path.stat().st_size:,} bytes, allowed are {LARGEST:,}.")
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: can't be read ({error.strerror}).") from error
    except ValueError as error:  # bad JSON and bad UTF-8 alike
        raise DataError(f"{path}: not valid JSON ({error}).") from error
    except RecursionError:
        raise DataError(f"{path}: not valid JSON (it is nested too deep).") from None
    if not isinstance(content, dict):
        raise DataError(f"{path}: expected a JSON object, found {type(content).__name__}.")
    return content
