"""Fetches one public file, whole or not at all."""

import hashlib
import os
import tempfile
from pathlib import Path
from urllib.request import urlopen

from metassl.data.preparing.progress import track
from metassl.errors import DataError

CHUNK = 1 << 20


def fetch(url: str, path: Path, md5: str) -> None:
    """Downloads `url` to `path` through a temporary file beside it.

    Raises:
        DataError: no network, another checksum than `md5`, or a folder that can't be written. The
            line names the file and the address, so that the user can fetch it by hand.
    """
    by_hand = f"get {url} by hand and put it at '{path}'"
    digest = hashlib.md5(usedforsecurity=False)
    unfinished = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            unfinished = Path(file.name)
            with urlopen(url, timeout=60) as reply:
                for chunk in track(iter(lambda: reply.read(CHUNK), b""), f"{path.name} (MiB)"):
                    digest.update(chunk)
                    file.write(chunk)
        if digest.hexdigest() != md5:
            raise DataError(
                f"'{path}': the download has MD5 {digest.hexdigest()}, expected {md5}; {by_hand}."
            )
        unfinished.chmod(0o644)
        os.replace(unfinished, path)
    except OSError as error:
        raise DataError(f"'{path}' doesn't exist and can't be downloaded ({error}); {by_hand}.") from error
    finally:
        if unfinished is not None:
            unfinished.unlink(missing_ok=True)
