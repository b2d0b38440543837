"""tieredImageNet: the authors' files, those made of them, folders; read in little memory."""

import io
import os
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metassl.build import build_contents
from metassl.cli.arguments import compose_config
from metassl.data.imagenet import npz_rows
from metassl.data.imagenet.tiered import TieredImageNet
from metassl.data.pool import SPLITS
from metassl.data.store import load
from tests.conftest import CONF
from tests.data.photographs import (
    assert_all_there,
    assert_pictures,
    class_folders,
    classes,
    error_of,
    every,
    photograph,
    png,
    save,
)
from tests.data.pickles import Call, python2, python3

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
    def column(content: bytes) -> np.ndarray:  # what OpenCV's imencode gives
        return np.frombuffer(content, np.uint8)[:, None]

    for split in SPLITS:
        pictures = [(item or column)(png(picture)) for *_, picture in every(NAME, split)]
        write(folder / f"{split}_images_png.pkl", pictures)
        write(folder / f"{split}_labels.pkl", label_content(split))


def arrays(folder: Path, authors: bool, save_as: Callable[..., None] = np.savez) -> None:
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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where tieredImageNet belongs."""
    (tmp_path / "data" / NAME).mkdir(parents=True)
    return tmp_path / "data" / NAME


def source(folder: Path, size: int = 6) -> TieredImageNet:
    return TieredImageNet(folder.parent, size)


def line_of(folder: Path, tmp_path: Path) -> str:
    return error_of(source(folder), tmp_path / "cache")


@pytest.mark.parametrize("layout", BY_FOLDER)
def test_folders(folder: Path, tmp_path: Path, layout: str) -> None:
    BY_FOLDER[layout](folder)
    assert_all_there(load(source(folder), tmp_path / "cache"), NAME)


@pytest.mark.parametrize("layout", BY_FILE)
def test_files(folder: Path, tmp_path: Path, layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz_rows, "BLOCK", 100)
    BY_FILE[layout](folder)
    contents = load(source(folder), tmp_path / "cache")
    assert contents.items.shape == (1216, 6, 6, 3)
    assert_pictures(contents)
    assert [len(contents.splits[split]) for split in SPLITS] == [351, 97, 160]
    if "others" in layout:
        assert contents.class_names[0] == "1000"
    else:
        assert contents.class_names[0] == "word 000, other word (train 0)", "each split has this one"
        assert contents.class_names[350] == "word 350, other word"
    assert contents.meta["reduced"] is True


def test_the_config_gives_84_pixels(folder: Path, tmp_path: Path) -> None:
    arrays(folder, authors=True)
    given = [f"dataset={NAME}", f"paths.data_dir={folder.parent}", f"paths.cache_dir={tmp_path / 'cache'}"]
    contents = build_contents(compose_config(given, CONF))
    assert contents.items.shape == (1216, 84, 84, 3)


@pytest.mark.parametrize("layout", ["png", "npz"])
def test_little_memory(folder: Path, tmp_path: Path, layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the files nor the images are in memory as a whole: 1,216 of 32 × 32, noise, 3.7 MB."""
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    monkeypatch.setattr("tests.data.photographs.photograph", lambda *_: noise)
    monkeypatch.setattr(npz_rows, "BLOCK", 32)
    (BY_FILE | BY_FOLDER)[layout](folder)
    tracemalloc.start()
    try:
        contents = load(source(folder, 32), tmp_path / "cache")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert contents.items.nbytes > 3_700_000
    assert peak < 1_500_000


def test_nothing_there(tmp_path: Path) -> None:
    line = line_of(tmp_path / "data" / NAME, tmp_path)
    for part in (
        f"tieredImageNet is not in '{tmp_path / 'data' / 'tiered_imagenet'}' nor in '",
        "{train,val,test}_images_png.pkl with {train,val,test}_labels.pkl", "{train,val,test}_images.npz with",
        "{train,val,test}/<class>/", "images/<class>/", "can't be downloaded automatically",
    ):  # fmt: skip
        assert part in line


@pytest.mark.parametrize("missing", ["train_labels.pkl", "test_labels.pkl", "val_images_png.pkl"])
def test_a_file_is_missing(folder: Path, tmp_path: Path, missing: str) -> None:
    png_files(folder)
    (folder / missing).unlink()
    assert (
        line_of(folder, tmp_path)
        == f"'{folder / missing}' doesn't exist, but belongs to 'train_images_png.pkl'."
    )


ONE = png(photograph(NAME, classes(NAME)["val"][0], 0))


def pngs(count: int) -> list[np.ndarray]:
    return [np.frombuffer(ONE, np.uint8).copy() for _ in range(count)]


BAD_PNGS: dict[str, tuple[Any, str]] = {
    "no list": ({"images": pngs(1)}, "found dict, expected a list of PNG files."),
    "too few": (pngs(193), "found 193 images and 194 labels, needed is one label for each image."),
    "too many": (pngs(195), "found 195 images and 194 labels, needed is one label for each image."),
    "one twice": (pngs(1) * 194, "found other things than PNG files, or one of them twice."),
    "numbers": (list(range(194)), "found 0 images and 194 labels"),
    "text": (["a"] * 194, "found other things than PNG files, or one of them twice."),
    "no picture": ([*pngs(1), np.arange(99, dtype=np.uint8)], "image 1 can't be read as a picture: unknown format."),
    "cut short": ([np.frombuffer(ONE[:45], np.uint8)], "image 0 can't be read as a picture: "),
    "postscript": ([np.frombuffer(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", np.uint8)], "image 0 can't be read as a picture: unknown format."),
    "call": ([Call(os.system, "true")], "is refused: it names '"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD_PNGS)
def test_bad_pngs(folder: Path, tmp_path: Path, what: str) -> None:
    content, line = BAD_PNGS[what]
    png_files(folder)
    python3(folder / "val_images_png.pkl", content)
    found = line_of(folder, tmp_path)
    assert line in found
    assert str(folder / "val_images_png.pkl") in found


def labels(**changes: Any) -> dict[str, Any]:
    return {**label_content("val"), **changes}


BAD_LABELS: dict[str, tuple[Any, str]] = {
    "no dict": ([1], "found list, expected a dict"),
    "no key": ({"label_general": [1]}, "found no key 'label_specific' and none 'labels', one is needed."),
    "text": (labels(label_specific=["a"]), "'label_specific': found list, expected a list of whole numbers."),
    "floats": (labels(label_specific=np.zeros(194)), "'label_specific': found float64 [194], expected a list"),
    "table": (labels(label_specific=np.zeros((2, 97), dtype=int)), "'label_specific': found int64 [2, 97], expected"),
    "below 0": (labels(label_specific=np.arange(-1, 193)), "'label_specific': found -1, allowed are whole numbers from 0."),
    "few classes": (labels(label_specific=np.arange(194) % 90), "split 'val': found 90 classes, expected 97."),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD_LABELS)
def test_bad_labels(folder: Path, tmp_path: Path, what: str) -> None:
    content, line = BAD_LABELS[what]
    png_files(folder)
    python3(folder / "val_labels.pkl", content)
    assert line in line_of(folder, tmp_path)


def npz(**content: np.ndarray) -> bytes:
    memory = io.BytesIO()
    np.savez(memory, **content)
    return memory.getvalue()


PICTURES = np.stack([picture for *_, picture in every(NAME, "val")])
BAD_ARRAYS: dict[str, tuple[bytes, str]] = {
    "other name": (npz(pictures=PICTURES), "array: found 'images'. Allowed: pictures."),
    "floats": (npz(images=PICTURES / 255), "array 'images': found float64 [194, 6, 6, 3], expected uint8 [n, h, w, 3]."),
    "grey": (npz(images=PICTURES[..., 0]), "array 'images': found uint8 [194, 6, 6], expected"),
    "by column": (npz(images=np.asfortranarray(PICTURES)), "found uint8 [194, 6, 6, 3] by column, expected"),
    "objects": (npz(images=np.array([{}], dtype=object)), "array 'images': found object [1], expected"),
    "too few": (npz(images=PICTURES[1:]), "found 193 images and 194 labels"),
    "too many": (npz(images=np.tile(PICTURES, (9, 1, 1, 1))), "found 1,746 images and 194 labels"),
    "cut short": (npz(images=PICTURES)[:-300], "can't be read as an .npz of plain arrays: "),
    "damaged": (npz(images=PICTURES).replace(PICTURES[:2].tobytes(), bytes(216)), "can't be read as an .npz of plain arrays: "),
    "no zip": (b"hello", "can't be read as an .npz of plain arrays: "),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD_ARRAYS)
def test_bad_arrays(folder: Path, tmp_path: Path, what: str) -> None:
    content, line = BAD_ARRAYS[what]
    arrays(folder, authors=True)
    (folder / "val_images.npz").write_bytes(content)
    found = line_of(folder, tmp_path)
    assert line in found
    assert str(folder / "val_images.npz") in found


def test_a_class_folder_that_is_not_of_the_split(folder: Path, tmp_path: Path) -> None:
    class_folders(folder, NAME, by_split=True)
    save(folder / "train" / "n00000001" / "0.png", np.zeros((6, 6, 3), dtype=np.uint8))
    assert re.search(
        "split 'train': found class 'n00000001', which is not of this split", line_of(folder, tmp_path)
    )
