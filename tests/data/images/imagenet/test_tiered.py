"""tieredImageNet: every layout holds the same; read in little memory."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from metassl.cli.composing import compose_config
from metassl.data.images.imagenet import npz_rows
from metassl.data.pool import SPLITS
from metassl.data.store import load
from metassl.training.build import build_source
from tests.conftest import CONF
from tests.support.photographs import assert_all_there, assert_pictures
from tests.support.tiered_imagenet import BY_FILE, BY_FOLDER, NAME, arrays, line_of, png_files, source


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
    contents = build_source(compose_config(given, CONF)).contents
    assert contents.items.shape == (1216, 84, 84, 3)


@pytest.mark.parametrize("layout", ["png", "npz"])
def test_little_memory(folder: Path, tmp_path: Path, layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the files nor the images are in memory as a whole: 1,216 of 32 × 32, noise, 3.7 MB."""
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    monkeypatch.setattr("tests.support.photographs.photograph", lambda *_: noise)
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
