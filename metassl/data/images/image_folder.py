"""The user's own pictures: a folder of class folders."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from metassl.data.class_folders import ClassFolders
from metassl.data.class_splits import SplitChoice
from metassl.data.images.pictures import fitted
from metassl.data.pool import Contents
from metassl.data.preparing.progress import track
from metassl.errors import DataError
from metassl.schema.constructor import checked
from metassl.schema.ranges import Pixels, Ratio, Seed


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
        self.folders = ClassFolders(self.path, self.choice)

    def fingerprint(self) -> Mapping[str, Any]:
        """Options, and name, size and time of every file. Raises DataError for no such folder."""
        listed = self.folders.fingerprint("a picture")
        return {"version": 2, **listed, "shape": [self.size, self.channels], **self.choice.fingerprint()}

    def read(self) -> Contents:
        """Raises DataError for one class only, an empty class, or a file that isn't a picture."""
        classes, splits = self.folders.filled("picture")
        names = list(classes)
        files = [file for found in classes.values() for file in found]
        items = np.empty((len(files), self.size, self.size, self.channels), dtype=np.uint8)
        for row, file in enumerate(track(files, self.path.name)):
            items[row] = fitted(file, self.size, self.channels)
        counts = np.array([len(found) for found in classes.values()], dtype=np.int64)
        return Contents(items, counts, names, splits or self.choice.of(names), {"source": f"'{self.path}'"})
