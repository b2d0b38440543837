"""What miniImageNet and tieredImageNet share: where they are looked for, and what is checked."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image

from metassl.data import class_splits
from metassl.data.class_folders import visible
from metassl.data.images.imagenet.class_folders import csv_part, folder_part
from metassl.data.images.imagenet.parts import Part, gather
from metassl.data.pool import SPLITS, Contents
from metassl.errors import DataError
from metassl.schema.constructor import checked
from metassl.schema.ranges import Pixels

LICENCE = "https://image-net.org/download"
WORDNET = re.compile(r"n\d{8}")


@dataclass(frozen=True)
class Layout:
    """A form in which a data set is spread.

    Attributes:
        says: the form, for messages.
        files: of each split; the first file of the training split tells the form, all are needed.
        part: reads one split of a folder.
        pictures: folders that change when pictures come or go, where they exist.
    """

    says: str
    files: Mapping[str, tuple[str, ...]]
    part: Callable[[Path, str], Part]
    pictures: tuple[str, ...] = ()


def each_split(*patterns: str) -> dict[str, tuple[str, ...]]:
    """The files of each split, '{}' in place of its name."""
    return {split: tuple(pattern.format(split) for pattern in patterns) for split in SPLITS}


SPLIT_FOLDERS = Layout(
    "{train,val,test}/<class>/", each_split("{}"), lambda folder, split: folder_part(folder / split)
)
CSV_FILES = Layout(
    "{train,val,test}.csv beside images/", each_split("{}.csv"), csv_part, pictures=("images", *SPLITS)
)


def class_folders(name: str) -> Layout:
    """images/<class>/ without splits, to which those that the paper `name` published are added."""

    def part(folder: Path, split: str) -> Part:
        return folder_part(folder / "images", set(class_splits.published(name)[split]))

    return Layout("images/<class>/", each_split("images"), part)


class ImageNetSubset:
    """Photographs [n, size, size, 3] uint8 of a part of ImageNet's classes, in whichever layout is there.

    Pictures of another size are resized as a whole (their proportions may change), as in the authors' code.
    """

    name: ClassVar[str]  # also the file of the class split
    title: ClassVar[str]
    layouts: ClassVar[tuple[Layout, ...]]  # those that are read faster come first
    resample: ClassVar[Image.Resampling]
    images: ClassVar[int]  # of the whole data set
    most: ClassVar[int]  # images a class

    @checked("dataset.source")
    def __init__(self, data_dir: str | Path, size: Pixels = 84) -> None:
        """Remembers what to read; no file is touched before `fingerprint` and `read`.

        Raises:
            ConfigError: a size below 1.
        """
        self.folders = [Path(data_dir) / self.name, Path(data_dir) / self.name.replace("_", "-")]
        self.size = size

    def fingerprint(self) -> Mapping[str, Any]:
        """The size, the layout, and name, size and time of its files or class folders."""
        folder, layout = self._found()
        names = {name for names in layout.files.values() for name in names} | set(layout.pictures)
        states = [_state(folder / name) for name in sorted(names) if (folder / name).exists()]
        return {"version": 1, "size": self.size, "layout": layout.says, "files": states}

    def read(self) -> Contents:
        """Raises DataError for files that are missing, damaged or not this data set."""
        folder, layout = self._found()
        parts = {split: layout.part(folder, split) for split in SPLITS}
        for split, part in parts.items():
            self._check(part, split)
        found = sum(len(part.labels) for part in parts.values())
        meta = {
            "source": f"'{folder}'",
            "layout": layout.says,
            "reduced": found != self.images,
            "images_per_class": min(int(part.counts.min()) for part in parts.values()),
        }
        return gather(parts, self.size, self.resample, meta)

    def _found(self) -> tuple[Path, Layout]:
        for folder in self.folders:
            for layout in self.layouts:
                needed = [folder / name for split in SPLITS for name in layout.files[split]]
                if needed[0].exists():
                    for path in needed:
                        if not path.exists():
                            raise DataError(
                                f"'{path}' doesn't exist, but belongs to '{needed[0].name}'.{_misnamed(path)}"
                            )
                    return folder, layout
        places = " nor in ".join(f"'{folder}'" for folder in self.folders)
        layouts = " or ".join(layout.says for layout in self.layouts)
        raise DataError(
            f"{self.title} is not in {places}: put there {layouts}. It can't be downloaded automatically, "
            f"for ImageNet's licence asks for an account: {LICENCE}."
        )

    def _check(self, part: Part, split: str) -> None:
        """Raises DataError unless the classes are those of the published split, with pictures in each."""
        expected = class_splits.published(self.name)[split]
        where = f"'{part.where}', split '{split}'"
        if any(WORDNET.fullmatch(name) for name in part.names):
            strange, missing = set(part.names) - set(expected), set(expected) - set(part.names)
            if strange:
                raise DataError(f"{where}: found class '{min(strange)}', which is not of this split.")
            if missing:
                found = f"{len(expected) - len(missing)} of {len(expected)} classes"
                raise DataError(f"{where}: found {found}, '{min(missing)}' is missing.")
        elif len(part.names) != len(expected):
            raise DataError(f"{where}: found {len(part.names)} classes, expected {len(expected)}.")
        for name, count in zip(part.names, part.counts, strict=True):
            if not 1 <= count <= self.most:
                allowed = f"allowed are 1 to {self.most:,}"
                raise DataError(f"{where}: class '{name}' has {count:,} pictures, {allowed}.")


def _misnamed(path: Path) -> str:
    """A hint where the split lies there under another name."""
    for found in visible(path.parent, folders=True):
        if class_splits.meant_split(found.name) == path.name:
            return f" Found '{found.name}': rename it '{path.name}'."
    return ""


def _state(path: Path) -> list[Any]:
    """A file's name, size and time, or the names and times of a folder and of the folders in it."""
    state = path.stat()
    if not path.is_dir():
        return [path.name, state.st_size, state.st_mtime_ns]
    return [
        path.name,
        state.st_mtime_ns,
        *([sub.name, sub.stat().st_mtime_ns] for sub in visible(path, folders=True)),
    ]
