"""Glyphs: whole scripts held out, no test letter drawn like a training letter, the same each time."""

import unicodedata
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from metassl.data.images import glyphs
from metassl.data.images.glyphs import Glyphs
from metassl.data.pool import Contents
from metassl.data.store import load
from metassl.errors import DataError

FEW = 3  # drawings a class: the tests look at the letters more than at the jitter


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> Contents:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(glyphs, "DRAWINGS", FEW)
        return load(Glyphs(), tmp_path_factory.mktemp("cache"))


def letter_of(class_name: str) -> str:
    return chr(int(class_name.split("U+")[1], 16))


def scripts(contents: Contents, split: str) -> set[str]:
    letters = (letter_of(contents.class_names[k]) for k in contents.splits[split])
    return {unicodedata.name(letter).split()[0] for letter in letters}


@pytest.fixture(scope="module")
def outlines(contents: Contents) -> dict[str, set[bytes]]:
    """Each letter of each split in DejaVu Sans, cut to its box."""
    file = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    font = ImageFont.truetype(str(file), 40)

    def outline(letter: str) -> bytes:
        image = Image.new("L", (160, 160))
        ImageDraw.Draw(image).text((40, 40), letter, fill=255, font=font)
        cut = image.crop(image.getbbox())
        return bytes(cut.size) + cut.tobytes()

    names = contents.class_names
    return {split: {outline(letter_of(names[k])) for k in ks} for split, ks in contents.splits.items()}


def test_enough_letters_in_each_split(contents: Contents) -> None:
    sizes = {split: len(classes) for split, classes in contents.splits.items()}
    assert sum(sizes.values()) == len(contents.class_names)
    assert 2000 < len(contents.class_names) < 3500
    assert sizes["train"] > 1500
    assert min(sizes["val"], sizes["test"]) >= 60


def test_whole_scripts_are_held_out(contents: Contents) -> None:
    train, val, test = (scripts(contents, split) for split in ("train", "val", "test"))
    assert train == {"LATIN", "GREEK", "CYRILLIC", "CANADIAN"}
    assert not train & val
    assert not train & test
    assert not val & test


@pytest.mark.parametrize(("one", "other"), [("train", "val"), ("train", "test"), ("val", "test")])
def test_no_letter_is_drawn_like_one_of_another_split(
    outlines: dict[str, set[bytes]], one: str, other: str
) -> None:
    assert outlines[one]
    assert outlines[other]
    assert not outlines[one] & outlines[other]


def test_every_drawing_has_ink_and_none_is_full(contents: Contents) -> None:
    assert contents.items.shape == (len(contents.class_names) * FEW, 28, 28, 1)
    ink = contents.items.mean(axis=(1, 2, 3)) / 255
    assert ink.min() > 0
    assert ink.max() < 0.6
    assert contents.items.max() == 255


def test_drawings_of_a_class_differ_but_less_than_classes_do(contents: Contents) -> None:
    drawings = contents.items.reshape(-1, FEW, 28 * 28).astype(np.float32) / 255
    within = np.abs(drawings[:, 0] - drawings[:, 1]).mean(axis=1)
    between = np.abs(drawings[:-40, 0] - drawings[40:, 1]).mean(axis=1)
    assert within.min() > 0
    assert within.mean() < between.mean()


def few_scripts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(glyphs, "DRAWINGS", FEW)
    patch.setattr(glyphs, "SCRIPTS", {"train": ("CANADIAN",), "val": ("OGHAM",), "test": ("LAO",)})


def test_same_seed_same_drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    few_scripts(monkeypatch)
    one, same, other = (Glyphs(seed=seed).read().items for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_size(monkeypatch: pytest.MonkeyPatch) -> None:
    few_scripts(monkeypatch)
    assert Glyphs(size=20).read().items.shape[1:] == (20, 20, 1)
    assert Glyphs(size=20).fingerprint() != Glyphs().fingerprint()


def test_fonts_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matplotlib, "get_data_path", lambda: str(tmp_path))
    with pytest.raises(DataError, match=r"DejaVuSans\.ttf' doesn't exist: install matplotlib anew"):
        load(Glyphs(), tmp_path / "cache")
