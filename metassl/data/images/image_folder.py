"""The user's own pictures: a folder of class folders."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import ImageOps

from metassl.data.class_splits import SplitChoice, meant_split
from metassl.data.images.pictures import decode, visible
from metassl.data.pool import SPLITS, Contents
from metassl.data.preparing.progress import track
from metassl.errors import ConfigError, DataError
from metassl.schema.constructor import checked
from metassl.schema.ranges import Pixels, Ratio, Seed

MODES = {1: "L", 3: "RGB"}


class ImageFolder:
    """Pictures [n, size, size, channels] uint8 of path/<class>/<file> or path/<split>/<class>/<file>."""

    name = "image_folder"

    @checked("dataset.source")
    def __init__(
        self,
        path: str | Path,
        size: Pixels = 84,
        channels: Literal[1, 3] = 3,
        splits: str | Path | None = None,
        ratio: Ratio = (0.6, 0.2, 0.2),
        seed: Seed = 0,
    ) -> None:
        """Remembers what to read.

        Args:
            path: a folder. If all its folders are named train, val or test, they hold the class
                folders and are the splits. Names that start with '.' are ignored everywhere.
            size: pixels; a picture's shorter side is resized to it and the centre is kept.
            channels: 3 (RGB) or 1 (grey).
            splits: a JSON file {"train": [names], "val": [names], "test": [names]}.
            ratio: without `splits` and split folders, the shares of classes.
            seed: of the choice by `ratio`.

        Raises:
            DataError: no path given.
            ConfigError: a size below 1 or other channels.
        """
        if not path:
            raise DataError("dataset.source.path: found nothing, give a folder of class folders.")
        self.path, self.size, self.channels = Path(path), size, channels
        self.choice = SplitChoice(splits, ratio, seed)

    def fingerprint(self) -> Mapping[str, Any]:
        """Options, and name, size and time of every file. Raises DataError for no such folder."""
        files = [file for files in self._classes()[0].values() for file in files]
        listing = json.dumps([self._state(file) for file in files])
        return {
            "version": 1,
            "path": str(self.path.resolve()),
            "files": hashlib.sha256(listing.encode()).hexdigest(),
            "shape": [self.size, self.channels],
            **self.choice.fingerprint(),
        }

    def _state(self, file: Path) -> tuple[str, int, int]:
        try:
            state = file.stat()
        except OSError as error:
            raise DataError(f"'{file}' can't be read as a picture: {error.strerror}.") from error
        return str(file.relative_to(self.path)), state.st_size, state.st_mtime_ns

    def read(self) -> Contents:
        """Raises DataError for one class only, an empty class, or a file that isn't a picture."""
        classes, splits = self._classes()
        names = list(classes)
        if len(names) < 2:
            raise DataError(f"'{self.path}': found {len(names)} class folders, at least 2 are needed.")
        empty = [name for name, files in classes.items() if not files]
        if empty:
            raise DataError(
                f"'{self.path}': class folder '{empty[0]}' is empty, at least 1 picture is needed."
            )
        files = [file for found in classes.values() for file in found]
        items = np.empty((len(files), self.size, self.size, self.channels), dtype=np.uint8)
        for row, file in enumerate(track(files, self.path.name)):
            items[row] = self._decode(file)
        counts = np.array([len(found) for found in classes.values()], dtype=np.int64)
        return Contents(items, counts, names, splits or self.choice.of(names), {"source": f"'{self.path}'"})

    def _classes(self) -> tuple[dict[str, list[Path]], dict[str, list[int]] | None]:
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
        splits: dict[str, list[int]] = {split: [] for split in SPLITS}
        for split in sorted(folders, key=lambda folder: SPLITS.index(folder.name)):
            for folder in visible(split, folders=True):
                if folder.name in classes:
                    both = f"in {classes[folder.name].parent.name} and in {split.name}"
                    raise DataError(f"'{self.path}': class '{folder.name}' is {both}, allowed is one split.")
                splits[split.name].append(len(classes))
                classes[folder.name] = folder
        return {name: visible(folder) for name, folder in classes.items()}, splits

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

    def _decode(self, file: Path) -> np.ndarray:
        """[size, size, channels] uint8."""
        upright = decode(file, MODES[self.channels], f"'{file}'")
        picture = ImageOps.fit(upright, (self.size, self.size))
        return np.asarray(picture).reshape(self.size, self.size, self.channels)
