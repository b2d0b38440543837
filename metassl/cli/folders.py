"""Folders that a command writes to, looked at before anything is computed."""

import os
from pathlib import Path
from typing import Any

from metassl.errors import ConfigError


def given_folder(key: str, value: Any) -> Path:
    """The folder that an option names. Raises ConfigError where it is no path, or can't be written."""
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{key}: found {value!r}, allowed is the path of a folder.")
    return writable(f"{key}={value}", Path(value))


def made_folder(key: str, folder: Path) -> Path:
    """The folder, which is there now. Raises ConfigError, naming the option, where it can't be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{key}={folder}: can't be made ({error.strerror}).") from None
    return folder


def writable(said: str, folder: Path) -> Path:
    """The folder, if it or the nearest one above that is there can be written to; else raises ConfigError.

    Args:
        said: what names it, for the message.
        folder: which need not be there.
    """
    existing = next(parent for parent in (folder, *folder.resolve().parents) if parent.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise ConfigError(f"{said}: can't be written, '{existing}' is read-only or no folder.")
    return folder
