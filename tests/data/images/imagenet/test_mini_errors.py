"""What is wrong with the files of miniImageNet is said in a line, and nothing in them is run."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metassl.data.images.imagenet.mini import MiniImageNet
from tests.support.mini_imagenet import (
    NAME,
    VAL,
    cache,
    cache_content,
    category,
    category_content,
    csv_files,
    line_of,
)
from tests.support.photographs import class_folders, classes, save
from tests.support.pickles import Call, python3


def remove_class(folder: Path) -> None:
    for file in (folder / "val" / VAL[0]).iterdir():
        file.unlink()
    (folder / "val" / VAL[0]).rmdir()


def empty_class(folder: Path) -> None:
    remove_class(folder)
    (folder / "val" / VAL[0]).mkdir()


def move_class(folder: Path) -> None:
    (folder / "test" / classes(NAME)["test"][0]).rename(folder / "val" / classes(NAME)["test"][0])


def add_text(folder: Path) -> None:
    (folder / "val" / VAL[0] / "zz.txt").write_text("no picture")


def add_postscript(folder: Path) -> None:
    """Pillow would start Ghostscript."""
    (folder / "val" / VAL[0] / "zz.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")


BAD_FOLDERS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "class missing": (remove_class, f"split 'val': found 15 of 16 classes, '{VAL[0]}' is missing."),
    "class empty": (empty_class, f"class '{VAL[0]}' has 0 pictures, allowed are 1 to 600."),
    "class of another split": (
        move_class,
        f"split 'val': found class '{classes(NAME)['test'][0]}', which is not of this split.",
    ),
    "other files": (add_text, "zz.txt' can't be read as a picture: unknown format."),
    "postscript": (add_postscript, "zz.png' can't be read as a picture: unknown format."),
}


@pytest.mark.parametrize("what", BAD_FOLDERS)
def test_bad_folders(folder: Path, tmp_path: Path, what: str) -> None:
    spoil, line = BAD_FOLDERS[what]
    class_folders(folder, NAME, by_split=True)
    spoil(folder)
    assert line in line_of(folder, tmp_path)


def test_too_many_pictures(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All 1,300 of ImageNet are not miniImageNet."""
    class_folders(folder, NAME, by_split=False)
    monkeypatch.setattr(MiniImageNet, "most", 1)
    assert "has 2 pictures, allowed are 1 to 1." in line_of(folder, tmp_path)


FILE = f"{VAL[0]}00000000.png"
BAD_TABLES: dict[str, tuple[str, str]] = {
    "columns": (f"label,filename\n{VAL[0]},{FILE}\n", "found the columns 'label,filename', allowed are 'filename,label'"),
    "no columns": (f"{FILE},{VAL[0]}\n", f"found the columns '{FILE},{VAL[0]}', allowed are"),
    "nothing": ("", "found the columns 'nothing', allowed are"),
    "no rows": ("filename,label\n", "has no rows, at least 1 is needed"),
    "one cell": (f"filename,label\n{FILE}\n", "row 2: found 1 cells, allowed are file and label"),
    "no label": (f"filename,label\n{FILE},\n", "row 2: found 2 cells, allowed are file and label"),
    "twice": (f"filename,label\n{FILE},{VAL[0]}\n{FILE},{VAL[0]}\n", f"row 3: '{FILE}' occurs twice"),
    "no picture": (f"filename,label\nx.png,{VAL[0]}\n", "of its first picture none of images/x.png, images/"),
    "no later picture": (f"filename,label\n{FILE},{VAL[0]}\n" + "".join(f"{k}.png,{v}\n" for k, v in enumerate(VAL)), "images/0.png' can't be read as a picture"),
    "binary": ("\x00\udcff", "can't be read as csv"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD_TABLES)
def test_bad_tables(folder: Path, tmp_path: Path, what: str) -> None:
    content, line = BAD_TABLES[what]
    csv_files(folder)
    (folder / "val.csv").write_text(content, errors="surrogateescape")
    found = line_of(folder, tmp_path)
    assert line in found
    assert str(folder) in found


@pytest.mark.parametrize(
    "file", ["../secret.png", "a/../../secret.png", "/etc/secret.png", "C:\\secret.png", "..\\secret.png"]
)
def test_tables_can_not_leave_the_folder(folder: Path, tmp_path: Path, file: str) -> None:
    csv_files(folder)
    save(folder.parent / "secret.png", np.zeros((6, 6, 3), dtype=np.uint8))
    with (folder / "val.csv").open("a") as table:
        table.write(f"{file},{VAL[0]}\n")
    assert (
        line_of(folder, tmp_path)
        == f"'{folder / 'val.csv'}', row 34: '{file},{VAL[0]}' is no name within the folder."
    )


@pytest.mark.parametrize("label", ["..", ".", "../x", "a/b", "/x", "a\\b"])
def test_nor_can_labels(folder: Path, tmp_path: Path, label: str) -> None:
    csv_files(folder)
    (folder / "val.csv").write_text(f"filename,label\n{FILE},{label}\n")
    assert f"row 2: '{FILE},{label}' is no name within the folder." in line_of(folder, tmp_path)


def changed(**changes: Any) -> dict[str, Any]:
    return {**cache_content("val"), **changes}


IMAGES, ROWS = cache_content("val").values()
BAD_CACHES: dict[str, tuple[Any, str]] = {
    "no dict": ([1, 2], "found list, expected a dict of image_data and class_dict."),
    "no key": ({"image_data": IMAGES}, "key: found 'class_dict'. Allowed: image_data."),
    "floats": (changed(image_data=IMAGES / 255), "'image_data': found float64 [32, 6, 6, 3], expected uint8 [n, h, w, 3]."),
    "grey": (changed(image_data=IMAGES[..., 0]), "'image_data': found uint8 [32, 6, 6], expected"),
    "list": (changed(image_data=list(IMAGES)), "'image_data': found list, expected"),
    "no classes": (changed(class_dict=[1]), "'class_dict': found no dict of classes."),
    "row above": (changed(class_dict={**ROWS, VAL[0]: [32]}), f"'class_dict: {VAL[0]}': found 32, allowed are whole numbers from 0 to 31."),
    "row below": (changed(class_dict={**ROWS, VAL[0]: [-1]}), f"'class_dict: {VAL[0]}': found -1, allowed are"),
    "rows of text": (changed(class_dict={**ROWS, VAL[0]: ["a"]}), f"'class_dict: {VAL[0]}': found list, expected a list of whole numbers."),
    "row left over": (changed(class_dict={**ROWS, VAL[0]: []}), "is in 0 classes of 'class_dict', expected is 1."),
    "row of two": (changed(class_dict={**ROWS, VAL[0]: ROWS[VAL[1]]}), "image 14 is in 2 classes of 'class_dict', expected is 1."),
    "other class": (changed(class_dict={"n00000001" if name == VAL[0] else name: rows for name, rows in ROWS.items()}), "split 'val': found class 'n00000001', which is not of this split."),
    "objects": (changed(image_data=np.array([{}], dtype=object)), "is refused: it holds an array of dtype 'O8'"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD_CACHES)
def test_bad_caches(folder: Path, tmp_path: Path, what: str) -> None:
    content, line = BAD_CACHES[what]
    cache(folder)
    python3(folder / "mini-imagenet-cache-val.pkl", content)
    found = line_of(folder, tmp_path)
    assert line in found
    assert str(folder / "mini-imagenet-cache-val.pkl") in found


def test_labels_and_images_of_different_number(folder: Path, tmp_path: Path) -> None:
    category(folder)
    content = category_content("val")
    python3(folder / "miniImageNet_category_split_val.pickle", {**content, "data": content["data"][1:]})
    assert "found 31 images and 32 labels" in line_of(folder, tmp_path)


def test_a_cache_that_calls_something_does_not(folder: Path, tmp_path: Path) -> None:
    cache(folder)
    flag = tmp_path / "flag"
    content = changed(class_dict={VAL[0]: Call(os.system, f"touch {flag}")})
    python3(folder / "mini-imagenet-cache-val.pkl", content)
    assert re.search(r"is refused: it names '\w+\.system'", line_of(folder, tmp_path))
    assert not flag.exists()


def test_a_cache_cut_short(folder: Path, tmp_path: Path) -> None:
    cache(folder)
    file = folder / "mini-imagenet-cache-test.pkl"
    file.write_bytes(file.read_bytes()[:-500])
    assert f"'{file}' is truncated, corrupt or no pickle" in line_of(folder, tmp_path)
