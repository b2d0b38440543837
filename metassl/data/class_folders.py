"""The user's own files in folders: path/<class>/<file>, or path/<split>/<class>/<file>."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metassl.data.class_splits import SplitChoice, meant_split
from metassl.data.pool import SPLITS
from metassl.errors import ConfigError, DataError

Classes = dict[str, list[Path]]
Splits = dict[str, list[int]]


def visible(folder: Path, *, folders: bool = False) -> list[Path]:
    """What lies in `folder`, sorted by name, without hidden names; only folders if asked."""
    try:
        with os.scandir(folder) as entries:  # tells files from folders without a look at each
            found = [
                entry.path
                for entry in entries
                if not entry.name.startswith(".") and (not folders or entry.is_dir())
            ]
    except OSError as error:
        raise DataError(f"'{folder}' can't be listed: {error.strerror}.") from error
    return [Path(path) for path in sorted(found)]


@dataclass(frozen=True)
class ClassFolders:
    """A folder whose folders are classes, or splits that hold them.

    Attributes:
        path: of the folder. If all its folders are named train, val or test, they hold the class folders and
            are the splits. Names that start with '.' are ignored everywhere.
        choice: how classes are split where the folders don't say it.
    """

    path: Path
    choice: SplitChoice

    def fingerprint(self, kind: str) -> dict[str, Any]:
        """Place, and name, size and time of every file, which is of this kind. Raises DataError for no such
        folder."""
        files = [file for files in self.classes()[0].values() for file in files]
        listing = json.dumps([self._state(file, kind) for file in files])
        return {"path": str(self.path.resolve()), "files": hashlib.sha256(listing.encode()).hexdigest()}

    def filled(self, kind: str) -> tuple[Classes, Splits | None]:
        """As `classes`; raises DataError for one class only, or a class without a file of this kind."""
        classes, splits = self.classes()
        if len(classes) < 2:
            raise DataError(f"'{self.path}': found {len(classes)} class folders, at least 2 are needed.")
        empty = [name for name, files in classes.items() if not files]
        if empty:
            raise DataError(
                f"'{self.path}': class folder '{empty[0]}' is empty, at least 1 {kind} is needed."
            )
        return classes, splits

    def classes(self) -> tuple[Classes, Splits | None]:
        """The files of each class, and the splits if the folders give them."""
        if not self.path.is_dir():
            raise DataError(
                f"dataset.source.path: '{self.path}' is not a folder, give a folder of class folders."
            )
        folders = visible(self.path, folders=True)
        self._refuse_misnamed([folder.name for folder in folders])
        if not folders or any(folder.name not in SPLITS for folder in folders):
            return {folder.name: visible(folder) for folder in folders}, None
        if self.choice.file is not None:
            raise ConfigError(
                f"dataset.source.splits: '{self.path}' has split folders already, leave it out."
            )
        classes: dict[str, Path] = {}
        splits: Splits = {split: [] for split in SPLITS}
        for split in sorted(folders, key=lambda folder: SPLITS.index(folder.name)):
            for folder in visible(split, folders=True):
                if folder.name in classes:
                    both = f"in {classes[folder.name].parent.name} and in {split.name}"
                    raise DataError(f"'{self.path}': class '{folder.name}' is {both}, allowed is one split.")
                splits[split.name].append(len(classes))
                classes[folder.name] = folder
        return {name: visible(folder) for name, folder in classes.items()}, splits

    def _state(self, file: Path, kind: str) -> tuple[str, int, int]:
        try:
            state = file.stat()
        except OSError as error:
            raise DataError(f"'{file}' can't be read as {kind}: {error.strerror}.") from error
        return str(file.relative_to(self.path)), state.st_size, state.st_mtime_ns

    def _refuse_misnamed(self, names: Sequence[str]) -> None:
        """Folders of splits, one of which has another name than ours, would be read as classes."""
        meant = {name: meant_split(name) for name in names}
        if len(names) > 1 and all(meant.values()):
            for name, split in meant.items():
                if name != split:
                    raise DataError(
                        f"'{self.path}': found the folder '{name}' beside other splits. Did you mean "
                        f"'{split}'? Allowed: {', '.join(SPLITS)}."
                    )
