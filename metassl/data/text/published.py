"""Finds the files of a published set of texts in the data folder, or fetches them."""

from collections.abc import Mapping
from pathlib import Path

from metassl.data.preparing.download import fetch
from metassl.errors import DataError


def published_file(folder: Path, name: str, url: str, md5: Mapping[str, str], download: bool) -> Path:
    """`folder`/`name`, downloaded from `url`/`name` where it is missing and that is allowed.

    The checksum is asked of downloads alone. Raises DataError where the file can't be had.
    """
    path = folder / name
    if not path.exists():
        if not download:
            raise DataError(f"'{path}' doesn't exist and download is false: get {url}/{name}.")
        fetch(f"{url}/{name}", path, md5[name])
    return path
