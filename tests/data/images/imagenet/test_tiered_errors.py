"""What is wrong with the files of tieredImageNet is said in a line, and nothing in them is run."""

import io
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.photographs import class_folders, classes, every, photograph, png, save
from tests.support.pickles import Call, python3
from tests.support.tiered_imagenet import NAME, arrays, label_content, line_of, png_files

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
    "objects": (npz(images=np.array([{}], dtype=object)), "array 'images': found pickled objects, which could run code."),
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
