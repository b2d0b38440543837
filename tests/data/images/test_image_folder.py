"""The user's own pictures: layouts, decoding, and one line for everything that can't be."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from metassl.data.images.image_folder import ImageFolder
from metassl.data.images.pictures import decode
from metassl.data.store import load
from metassl.errors import ConfigError, DataError, UserError


def paint(file: Path, colour: Any, size: tuple[int, int] = (12, 8), mode: str = "RGB") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(file)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five classes of two pictures each; class k has red 10·k."""
    for k, name in enumerate(("ape", "bee", "cat", "dog", "emu")):
        for i in range(2):
            paint(tmp_path / "data" / name / f"{i}.png", (10 * k, i, 0))
    return tmp_path / "data"


def split_folder(tmp_path: Path, **classes: str) -> Path:
    for split, names in classes.items():
        for name in names.split():
            paint(tmp_path / "data" / split / name / "0.png", (1, 2, 3))
    return tmp_path / "data"


def test_class_folders(folder: Path, tmp_path: Path) -> None:
    contents = load(ImageFolder(folder, size=6), tmp_path / "cache")
    assert contents.items.shape == (10, 6, 6, 3)
    assert list(contents.class_names) == ["ape", "bee", "cat", "dog", "emu"]
    np.testing.assert_array_equal(contents.items[:, 0, 0, 0], np.repeat(np.arange(5) * 10, 2))
    np.testing.assert_array_equal(contents.items[:, 0, 0, 1], [0, 1] * 5)
    assert [len(contents.splits[split]) for split in ("train", "val", "test")] == [3, 1, 1]


def test_shorter_side_is_resized_and_the_centre_kept(tmp_path: Path) -> None:
    wide = np.zeros((8, 24, 3), dtype=np.uint8)
    wide[:, 8:16] = 255
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        Image.fromarray(wide).save(tmp_path / "data" / name / "0.png")
    contents = ImageFolder(tmp_path / "data", size=4).read()
    assert contents.items.min() > 200, "the black sides are cut off"


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "LA", "CMYK"])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_8_bit_picture_becomes_grey_or_rgb(tmp_path: Path, mode: str, channels: int) -> None:
    for name in ("a", "b"):
        paint(tmp_path / "data" / name / "0.tiff", 0, mode=mode)
    contents = ImageFolder(tmp_path / "data", size=4, channels=channels).read()
    assert contents.items.shape == (2, 4, 4, channels)


def test_split_folders(tmp_path: Path) -> None:
    contents = ImageFolder(split_folder(tmp_path, test="dog", train="emu bee", val="ape"), size=4).read()
    assert contents.class_names == ["bee", "emu", "ape", "dog"]
    assert contents.splits == {"train": [0, 1], "val": [2], "test": [3]}


@pytest.mark.parametrize(
    ("name", "meant"), [("valid", "val"), ("Validation", "val"), ("dev", "val"), ("Train", "train")]
)
def test_splits_by_another_name_are_no_classes(tmp_path: Path, name: str, meant: str) -> None:
    names = {split: "ape" if split == "test" else "bee" for split in {"train", "val", "test"} - {meant}}
    source = ImageFolder(split_folder(tmp_path, **names, **{name: "dog"}), size=4)
    with pytest.raises(DataError, match=f"found the folder '{name}' .*Did you mean '{meant}'") as caught:
        load(source, tmp_path / "cache")
    assert "\n" not in str(caught.value)


def test_same_class_in_two_splits(tmp_path: Path) -> None:
    source = ImageFolder(split_folder(tmp_path, train="emu bee", test="bee"))
    with pytest.raises(DataError, match="class 'bee' is in train and in test, allowed is one"):
        load(source, tmp_path / "cache")


def test_a_class_may_be_called_train(folder: Path) -> None:
    paint(folder / "train" / "0.png", (1, 2, 3))
    assert "train" in ImageFolder(folder, size=4).read().class_names


def test_split_file(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "splits.json"
    file.write_text(json.dumps({"train": ["emu", "ape"], "test": ["cat"]}))
    assert ImageFolder(folder, size=4, splits=file).read().splits == {"train": [4, 0], "val": [], "test": [2]}


def test_split_file_beside_split_folders(tmp_path: Path) -> None:
    source = ImageFolder(split_folder(tmp_path, train="emu bee"), splits=tmp_path / "splits.json")
    with pytest.raises(ConfigError, match=r"dataset\.source\.splits: .* has split folders already"):
        source.read()


def test_hidden_names_are_ignored_and_links_followed(folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / "ape" / ".DS_Store").write_text("junk")
    (folder / "fox").symlink_to(folder / "emu")
    contents = ImageFolder(folder, size=4).read()
    assert contents.class_names == ["ape", "bee", "cat", "dog", "emu", "fox"]
    assert len(contents.items) == 12


def test_another_picture_gives_another_fingerprint(folder: Path) -> None:
    source = ImageFolder(folder)
    first = source.fingerprint()
    assert first == source.fingerprint()
    paint(folder / "ape" / "2.png", 0)
    assert first != source.fingerprint()


def truncate(folder: Path) -> Path:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "cat" / "0.png")
    whole = (folder / "cat" / "0.png").read_bytes()
    (folder / "cat" / "0.png").write_bytes(whole[: len(whole) // 2])
    return folder / "cat" / "0.png"


def add_text(folder: Path) -> Path:
    (folder / "cat" / "notes.txt").write_text("not a picture")
    return folder / "cat" / "notes.txt"


def add_folder(folder: Path) -> Path:
    (folder / "cat" / "deeper").mkdir()
    return folder / "cat" / "deeper"


def add_broken_link(folder: Path) -> Path:
    (folder / "cat" / "9.png").symlink_to(folder / "nowhere.png")
    return folder / "cat" / "9.png"


@pytest.mark.parametrize("spoil", [truncate, add_text, add_folder, add_broken_link])
def test_unreadable_picture_is_named(folder: Path, tmp_path: Path, spoil: Any) -> None:
    file = spoil(folder)
    with pytest.raises(DataError, match=re.escape(f"'{file}' can't be read as a picture")) as caught:
        load(ImageFolder(folder, size=4), tmp_path / "cache")
    assert "\n" not in str(caught.value)


def test_16_bits_of_grey_become_8(folder: Path) -> None:
    deep = np.linspace(0, 65_535, 64).astype(np.uint16).reshape(8, 8)
    Image.fromarray(deep).save(folder / "cat" / "deep.png")
    seen = np.asarray(decode(folder / "cat" / "deep.png", "L", "it"))
    assert np.array_equal(seen, deep >> 8)
    Image.fromarray(np.full((8, 8), 0.5, dtype=np.float32)).save(folder / "cat" / "float.tiff")
    with pytest.raises(DataError, match=r"float\.tiff': found a picture of mode F, allowed are 8 or 16 bits"):
        ImageFolder(folder, size=4).read()


def test_what_is_transparent_shows_white_paper(tmp_path: Path) -> None:
    """Ink on nothing, whose hidden colour is black as the ink is."""
    drawing = np.zeros((8, 8, 4), np.uint8)
    drawing[2:4, :, 3] = 255
    Image.fromarray(drawing).save(tmp_path / "drawing.png")
    seen = np.asarray(decode(tmp_path / "drawing.png", "L", "it"))
    assert (seen[2:4] == 0).all()
    assert (np.delete(seen, (2, 3), axis=0) == 255).all()


def test_empty_class(folder: Path, tmp_path: Path) -> None:
    (folder / "fox").mkdir()
    with pytest.raises(DataError, match="class folder 'fox' is empty"):
        load(ImageFolder(folder, size=4), tmp_path / "cache")


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_classes(tmp_path: Path, count: int) -> None:
    (tmp_path / "data").mkdir()
    for name in "ab"[:count]:
        paint(tmp_path / "data" / name / "0.png", 0)
    with pytest.raises(DataError, match=f"found {count} class folders, at least 2 are needed"):
        load(ImageFolder(tmp_path / "data"), tmp_path / "cache")


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'.*none' is not a folder, give a folder of class folders"):
        load(ImageFolder(tmp_path / "none"), tmp_path / "cache")


BAD_OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "path": ({"path": ""}, "dataset.source.path: found nothing"),
    "size": ({"size": 0}, "dataset.source.size: found 0, allowed is a whole number from 1"),
    "channels": ({"channels": 2}, "dataset.source.channels: found 2, allowed is 1 or 3"),
}


@pytest.mark.parametrize("what", BAD_OPTIONS)
def test_bad_option(what: str) -> None:
    options, line = BAD_OPTIONS[what]
    with pytest.raises(UserError, match=re.escape(line)):
        ImageFolder(**{"path": "pictures", **options})
