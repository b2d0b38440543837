"""tieredImageNet as it is handed about: the authors' files, those made of them, folders."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from metassl.data.images.imagenet.tiered import TieredImageNet
from metassl.data.pool import SPLITS
from tests.support.photographs import (
    class_folders,
    classes,
    error_of,
    every,
    png,
    save,
)
from tests.support.pickles import python2, python3

NAME = "tiered_imagenet"
Write = Callable[[Path, Any], Path]


def words(split: str) -> list[str]:
    """Names that sort as the classes do, but for one that two splits share."""
    return [f"word {k:03}, other word" for k in range(len(classes(NAME)[split]))]


def label_content(split: str) -> dict[str, Any]:
    """As the authors have it: numbers from 0 in each split."""
    place = {wordnet: k for k, wordnet in enumerate(classes(NAME)[split])}
    labels = np.array([place[wordnet] for wordnet, _, _ in every(NAME, split)], dtype=np.int32)
    return {
        "label_specific": labels, "label_general": labels // 10,
        "label_specific_str": words(split), "label_general_str": ["animal"] * 40,
    }  # fmt: skip


def plain_labels(split: str) -> dict[str, Any]:
    """As others have it: a list of numbers that go on from split to split."""
    first = {"train": 1000, "val": 1351, "test": 1448}[split]
    return {"labels": [first + int(k) for k in label_content(split)["label_specific"]]}


def png_files(folder: Path, write: Write = python3, item: Callable[[bytes], Any] | None = None) -> None:
    """<split>_images_png.pkl with <split>_labels.pkl, as the authors hand them out."""

    def column(content: bytes) -> np.ndarray:  # what OpenCV's imencode gives
        return np.frombuffer(content, np.uint8)[:, None]

    for split in SPLITS:
        pictures = [(item or column)(png(picture)) for *_, picture in every(NAME, split)]
        write(folder / f"{split}_images_png.pkl", pictures)
        write(folder / f"{split}_labels.pkl", label_content(split))


def arrays(folder: Path, authors: bool, save_as: Callable[..., None] = np.savez) -> None:
    """<split>_images.npz with <split>_labels.pkl, as the authors or others made them."""
    for split in SPLITS:
        pictures = np.stack([picture for *_, picture in every(NAME, split)])
        save_as(folder / f"{split}_images.npz", images=pictures[..., ::-1] if authors else pictures)
        labels = label_content(split) if authors else plain_labels(split)
        python3(folder / f"{split}_labels.pkl", labels)


def whole_imagenet(folder: Path) -> None:
    """Class folders of which some are of no split."""
    class_folders(folder, NAME, by_split=False)
    save(folder / "images" / "n00000001" / "0.png", np.zeros((6, 6, 3), dtype=np.uint8))


BY_FILE: dict[str, Callable[[Path], None]] = {
    "png": png_files,
    "png of Python 2": lambda folder: png_files(folder, python2),
    "png as bytes": lambda folder: png_files(folder, item=bytes),
    "npz": lambda folder: arrays(folder, authors=True),
    "npz, compressed": lambda folder: arrays(folder, authors=True, save_as=np.savez_compressed),
    "npz of others": lambda folder: arrays(folder, authors=False),
}
BY_FOLDER: dict[str, Callable[[Path], None]] = {
    "split folders": lambda folder: class_folders(folder, NAME, by_split=True),
    "ImageNet's own": whole_imagenet,
}


def source(folder: Path, size: int = 6) -> TieredImageNet:
    """The source of the folder's parent, with images of that size."""
    return TieredImageNet(folder.parent, size)


def line_of(folder: Path, tmp_path: Path) -> str:
    """The one line of a load that fails."""
    return error_of(source(folder), tmp_path / "cache")
