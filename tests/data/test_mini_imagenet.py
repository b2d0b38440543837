"""miniImageNet: every layout holds the same, and what is wrong with one is said in a line."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from metassl.build import build_contents
from metassl.cli.arguments import compose_config
from metassl.data.imagenet.mini import MiniImageNet
from metassl.data.pool import SPLITS
from metassl.data.store import load
from metassl.errors import ConfigError
from tests.conftest import CONF
from tests.data.photographs import assert_all_there, class_folders, classes, error_of, every, save
from tests.data.pickles import Call, python2, python3

NAME = "mini_imagenet"
VAL = classes(NAME)["val"]


def cache_content(split: str) -> dict[str, Any]:
    rows: dict[str, list[int]] = {}
    for row, (wordnet, _, _) in enumerate(every(NAME, split)):
        rows.setdefault(wordnet, []).append(row)
    return {"image_data": np.stack([picture for *_, picture in every(NAME, split)]), "class_dict": rows}


def cache(folder: Path, write: Callable[[Path, Any], Path] = python3) -> None:
    for split in SPLITS:
        write(folder / f"mini-imagenet-cache-{split}.pkl", cache_content(split))


def category_content(split: str, named: bool = True) -> dict[str, Any]:
    label_of = {wordnet: 100 - k for k, wordnet in enumerate(classes(NAME)[split])}
    content = {
        "data": np.stack([picture for *_, picture in every(NAME, split)]),
        "labels": [label_of[wordnet] for wordnet, _, _ in every(NAME, split)],
    }
    return {**content, "catname2label": label_of} if named else content


def category(folder: Path, write: Callable[[Path, Any], Path] = python2) -> None:
    for split, part in {"train": "train_phase_train", "val": "val", "test": "test"}.items():
        write(folder / f"miniImageNet_category_split_{part}.pickle", category_content(split))


def csv_files(folder: Path, place: str = "images/{file}", listed: str = "{file}") -> None:
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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where miniImageNet belongs."""
    (tmp_path / "data" / NAME).mkdir(parents=True)
    return tmp_path / "data" / NAME


def source(folder: Path, size: int = 6) -> MiniImageNet:
    return MiniImageNet(folder.parent, size)


def line_of(folder: Path, tmp_path: Path) -> str:
    return error_of(source(folder), tmp_path / "cache")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_holds_the_same(folder: Path, tmp_path: Path, layout: str) -> None:
    LAYOUTS[layout](folder)
    contents = load(source(folder), tmp_path / "cache")
    assert contents.items.shape == (200, 6, 6, 3)
    assert_all_there(contents, NAME)
    assert [len(contents.splits[split]) for split in SPLITS] == [64, 16, 20]
    assert contents.meta["reduced"] is True, "600 images a class are the whole"
    assert contents.meta["images_per_class"] == 2


def test_folder_may_be_called_as_in_the_authors_archive(tmp_path: Path) -> None:
    (tmp_path / "mini-imagenet").mkdir()
    cache(tmp_path / "mini-imagenet")
    assert_all_there(MiniImageNet(tmp_path, 6).read(), NAME)


def test_the_config_gives_84_pixels(folder: Path, tmp_path: Path) -> None:
    class_folders(folder, NAME, by_split=True)
    words = [f"dataset={NAME}", f"paths.data_dir={folder.parent}", f"paths.cache_dir={tmp_path / 'cache'}"]
    contents = build_contents(compose_config(words, CONF))
    assert contents.items.shape == (200, 84, 84, 3)
    assert isinstance(contents.items, np.memmap)


def test_larger_pictures_are_resized_as_a_whole(folder: Path) -> None:
    class_folders(folder, NAME, by_split=True)
    wide = np.zeros((40, 80, 3), dtype=np.uint8)
    wide[:, 40:] = 200
    first = classes(NAME)["train"][0]
    save(folder / "train" / first / f"{first}00000000.png", wide)
    Image.fromarray(wide).save(folder / "train" / first / f"{first}00000001.jpg")
    (folder / "train" / first / f"{first}00000001.png").unlink()
    items = source(folder, 8).read().items
    for image in items[:2].astype(int):
        assert abs(image[:, :3]).max() <= 12
        assert abs(image[:, 5:] - 200).max() <= 12


def test_grey_pictures_become_rgb(folder: Path) -> None:
    class_folders(folder, NAME, by_split=True)
    first = classes(NAME)["train"][0]
    Image.new("L", (6, 6), 77).save(folder / "train" / first / f"{first}00000000.png")
    assert (source(folder).read().items[0] == 77).all()


def test_caches_come_before_pictures(folder: Path) -> None:
    class_folders(folder, NAME, by_split=True)
    assert source(folder).read().meta["layout"] == "{train,val,test}/<class>/"
    before = source(folder).fingerprint()
    category(folder)
    assert source(folder).read().meta["layout"].startswith("miniImageNet_category_split_")
    cache(folder)
    assert source(folder).read().meta["layout"].startswith("mini-imagenet-cache-")
    assert before != source(folder).fingerprint()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_fingerprint_knows_changes(folder: Path, layout: str) -> None:
    LAYOUTS[layout](folder)
    first = source(folder).fingerprint()
    assert first == source(folder).fingerprint()
    assert first != source(folder, 7).fingerprint()
    changed = next(path for path in sorted(folder.rglob("*")) if path.is_file())
    os.utime(changed if changed.suffix in (".pkl", ".pickle", ".csv") else changed.parent, (1, 1))
    assert first != source(folder).fingerprint()


def test_classes_without_names_are_counted(folder: Path, tmp_path: Path) -> None:
    category(folder)
    for split, part in {"train": "train_phase_train", "val": "val", "test": "test"}.items():
        python3(folder / f"miniImageNet_category_split_{part}.pickle", category_content(split, named=False))
    contents = source(folder).read()
    assert contents.class_names[0] == "100 (train 0)", "100 is a label of each split"
    assert "37" in contents.class_names, "and this of one only"
    content = category_content("val", named=False)
    content["labels"] = [min(label, 99) for label in content["labels"]]
    python3(folder / "miniImageNet_category_split_val.pickle", content)
    assert "split 'val': found 15 classes, expected 16." in line_of(folder, tmp_path)


def test_nothing_there(tmp_path: Path) -> None:
    line = line_of(tmp_path / "data" / NAME, tmp_path)
    for part in (
        f"'{tmp_path / 'data' / 'mini_imagenet'}' nor in '{tmp_path / 'data' / 'mini-imagenet'}'",
        "mini-imagenet-cache-{train,val,test}.pkl or ", "miniImageNet_category_split_",
        "{train,val,test}.csv beside images/", "{train,val,test}/<class>/", " or images/<class>/.",
        "can't be downloaded automatically, for ImageNet's licence asks for an account: https://image-net.org",
    ):  # fmt: skip
        assert part in line


def test_a_split_is_missing(folder: Path, tmp_path: Path) -> None:
    cache(folder)
    (folder / "mini-imagenet-cache-val.pkl").unlink()
    line = f"'{folder / 'mini-imagenet-cache-val.pkl'}' doesn't exist, but belongs to 'mini-imagenet-cache-train.pkl'."
    assert line_of(folder, tmp_path) == line


def test_size_below_1(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"dataset\.source\.size: found 0, allowed are whole numbers from 1"
    ):
        MiniImageNet(tmp_path, 0)


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
