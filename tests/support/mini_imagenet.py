"""miniImageNet as it is handed about, in every layout."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from metassl.data.images.imagenet.mini import MiniImageNet
from metassl.data.pool import SPLITS
from tests.support.photographs import class_folders, classes, error_of, every, save
from tests.support.pickles import python2, python3

NAME = "mini_imagenet"
VAL = classes(NAME)["val"]


def cache_content(split: str) -> dict[str, Any]:
    """Images and rows of each class, as in the files mini-imagenet-cache."""
    rows: dict[str, list[int]] = {}
    for row, (wordnet, _, _) in enumerate(every(NAME, split)):
        rows.setdefault(wordnet, []).append(row)
    return {"image_data": np.stack([picture for *_, picture in every(NAME, split)]), "class_dict": rows}


def cache(folder: Path, write: Callable[[Path, Any], Path] = python3) -> None:
    """The files mini-imagenet-cache-<split>.pkl."""
    for split in SPLITS:
        write(folder / f"mini-imagenet-cache-{split}.pkl", cache_content(split))


def category_content(split: str, named: bool = True) -> dict[str, Any]:
    """Images and numbers of the classes, with or without the classes' names."""
    label_of = {wordnet: 100 - k for k, wordnet in enumerate(classes(NAME)[split])}
    content = {
        "data": np.stack([picture for *_, picture in every(NAME, split)]),
        "labels": [label_of[wordnet] for wordnet, _, _ in every(NAME, split)],
    }
    return {**content, "catname2label": label_of} if named else content


def category(folder: Path, write: Callable[[Path, Any], Path] = python2) -> None:
    """The files miniImageNet_category_split_<part>.pickle."""
    for split, part in {"train": "train_phase_train", "val": "val", "test": "test"}.items():
        write(folder / f"miniImageNet_category_split_{part}.pickle", category_content(split))


def csv_files(folder: Path, place: str = "images/{file}", listed: str = "{file}") -> None:
    """<split>.csv beside the images; `place` is where a file lies, `listed` what the csv says of it."""
    for split in SPLITS:
        lines = ["filename,label"]
        for wordnet, i, picture in every(NAME, split):
            file = f"{wordnet}0000000{i}.png"
            save(folder / place.format(file=file, label=wordnet, split=split), picture)
            lines.append(f"{listed.format(file=file, label=wordnet)},{wordnet}")
        (folder / f"{split}.csv").write_text("\r\n".join(lines) + "\r\n")


LAYOUTS: dict[str, Callable[[Path], None]] = {
    "cache": cache,
    "cache of Python 2": lambda folder: cache(folder, python2),
    "category": category,
    "category of Python 3": lambda folder: category(folder, python3),
    "csv": csv_files,
    "csv, class folders in images": lambda folder: csv_files(folder, "images/{label}/{file}"),
    "csv that says the class folder": lambda folder: csv_files(
        folder, "images/{label}/{file}", "{label}/{file}"
    ),
    "csv, class folders by split": lambda folder: csv_files(folder, "{split}/{label}/{file}"),
    "split folders": lambda folder: class_folders(folder, NAME, by_split=True),
    "class folders": lambda folder: class_folders(folder, NAME, by_split=False),
}


def source(folder: Path, size: int = 6) -> MiniImageNet:
    """The source of the folder's parent, with images of that size."""
    return MiniImageNet(folder.parent, size)


def line_of(folder: Path, tmp_path: Path) -> str:
    """The one line of a load that fails."""
    return error_of(source(folder), tmp_path / "cache")
