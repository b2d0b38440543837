"""Reads checkpoints that may come from anywhere."""

import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch

from metassl.errors import UserError


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint, unpickled with `weights_only=True`.

    Raises UserError when the file is missing, broken, or holds anything but tensors and plain values.
    """
    content = read_plain(path, "checkpoint")
    if not isinstance(content, dict) or not isinstance(content.get("state_dict"), dict):
        raise UserError(f"checkpoint {path}: found no 'state_dict' in it.")
    return content


def read_plain(path: Path, what: str) -> Any:
    """Whatever torch.save wrote, unpickled with `weights_only=True`; `what` begins the line of an error.

    Raises UserError when the file is missing, broken, or holds anything but tensors and plain values.
    """
    if not path.is_file():
        raise UserError(f"{what} {path}: not found.")
    try:
        _check_zip(path)
        with warnings.catch_warnings(action="ignore"):  # of foreign pickle protocols
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file makes the unpickler raise almost anything
        reason = _reason(error)
        raise UserError(
            f"{what} {path}: refused, it is broken or holds more than weights ({reason})"
        ) from None


def _reason(error: Exception) -> str:
    """Why, on one line, without torch's advice to load what can run code."""
    if isinstance(error, pickle.UnpicklingError):
        return "it is no file of plain weights"
    return str(error).strip().split("\n")[0] or type(error).__name__


def _check_zip(path: Path) -> None:
    """A zip of a few bytes can expand to more than there is memory; torch itself packs nothing.

    Torch keeps a sum of each tensor, too, which it writes and doesn't read itself.
    """
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        size, limit = sum(info.file_size for info in archive.infolist()), path.stat().st_size
        if size > limit:
            raise ValueError(f"it expands to {size:,} bytes, allowed for a file of its size are {limit:,}")
        damaged = archive.testzip()
    if damaged is not None:
        raise zipfile.BadZipFile(f"the checksum of its part '{damaged}' is wrong")
