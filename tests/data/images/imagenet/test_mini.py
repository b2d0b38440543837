"""miniImageNet: every layout holds the same."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metassl.cli.composing import compose_config
from metassl.data.images.imagenet.mini import MiniImageNet
from metassl.data.pool import SPLITS
from metassl.data.store import load
from metassl.errors import ConfigError
from metassl.training.build import build_source
from tests.conftest import CONF
from tests.support.mini_imagenet import LAYOUTS, NAME, cache, category, category_content, line_of, source
from tests.support.photographs import assert_all_there, class_folders, classes, save
from tests.support.pickles import python3


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
    contents = build_source(compose_config(words, CONF)).contents
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
        ConfigError, match=r"dataset\.source\.size: found 0, allowed is a whole number from 1 to 4096"
    ):
        MiniImageNet(tmp_path, 0)
