"""Where trainings without unlabelled examples are found again, by what makes two of them equal."""

import os
import shutil
from pathlib import Path

from filelock import FileLock

from metassl.errors import DataError, UserError
from metassl.files import read_json, write_json
from metassl.runs.file_names import CHECKPOINTS


class TwinStore:
    """A folder with a small file for each training without U, which says where its run lies.

    Jobs that run side by side share it: whoever trains holds a lock, the others wait and find the run.

    Args:
        folder: made where it is missing. A path in its files is relative to it.

    Raises:
        UserError: the folder can't be made or written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"paths.twin_dir: '{folder}' can't be made ({error.strerror}).") from None

    def find(self, key: str) -> Path | None:
        """The folder of a finished training with this key, None where there is none any more."""
        file = self._file(key)
        if not file.is_file():
            return None
        said = read_json(file).get("run")
        if not isinstance(said, str):
            raise DataError(f"{file}: says of no folder 'run' where the twin is; remove the file.")
        run = self.folder / said
        return run if any((run / CHECKPOINTS).glob("*.ckpt")) else None

    def add(self, key: str, run: Path) -> None:
        """Says where a training that has ended lies."""
        write_json(self._file(key), {"run": os.path.relpath(run, self.folder)})

    def lock(self, key: str) -> FileLock:
        """Held while a training with this key goes on."""
        return FileLock(self.folder / f"{key}.lock")

    def home(self, key: str) -> Path:
        """The folder of a training that is done for the sake of others."""
        return self.folder / key

    def _file(self, key: str) -> Path:
        return self.folder / f"{key}.json"


def resumable(folder: Path) -> Path | None:
    """The folder, if a training in it can go on; else None, and what an earlier one left is gone."""
    if (folder / CHECKPOINTS / "last.ckpt").is_file():
        return folder
    if folder.exists():
        shutil.rmtree(folder)
    return None
