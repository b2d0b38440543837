"""Omniglot: reading, rotations and splits on small archives, the numbers on the real ones."""

import hashlib
import io
import re
import zipfile
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
from PIL import Image

from metassl.data.images import omniglot
from metassl.data.images.omniglot import DRAWINGS, Omniglot
from metassl.data.pool import Contents
from metassl.data.preparing import download
from metassl.data.store import load
from metassl.errors import ConfigError, DataError

SMALL = {
    "images_background": ["Balinese/character01", "Balinese/character02", "Hebrew/character01"],
    "images_evaluation": ["Angelic/character01", "ULOG/character01"],
}


def archive_bytes(archive: str, drawings: int = DRAWINGS) -> bytes:
    """A zip in upstream's layout: black ink on white, 105 × 105, 1 bit a pixel."""
    rng = np.random.default_rng(0)
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as file:
        for k, character in enumerate(SMALL[archive]):
            for d in range(drawings):
                ink = np.zeros((105, 105), dtype=bool)
                row, column = rng.integers(0, 60, 2)
                ink[row : row + 40, column : column + 20] = True
                png = io.BytesIO()
                Image.fromarray(~ink).save(png, "png")
                file.writestr(f"{archive}/{character}/{k:04}_{d + 1:02}.png", png.getvalue())
    return memory.getvalue()


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory with both archives, of few characters."""
    monkeypatch.setattr(omniglot, "CHARACTERS", {name: len(found) for name, found in SMALL.items()})
    (tmp_path / "data" / "omniglot").mkdir(parents=True)
    for archive in SMALL:
        (tmp_path / "data" / "omniglot" / f"{archive}.zip").write_bytes(archive_bytes(archive))
    return tmp_path / "data"


def test_ink_is_255_on_0(data_dir: Path) -> None:
    items = Omniglot(data_dir, split="lake", size=105).read().items
    np.testing.assert_array_equal(np.unique(items), [0, 255])
    np.testing.assert_array_equal((items == 255).sum(axis=(1, 2, 3)), 40 * 20)


def test_rotations_are_new_classes_of_the_same_split(data_dir: Path) -> None:
    contents = Omniglot(data_dir, split="lake", size=28).read()
    assert contents.items.shape == (5 * 4 * DRAWINGS, 28, 28, 1)
    assert contents.class_names[:4] == [
        f"Balinese/character01/rot{turn}" for turn in ("000", "090", "180", "270")
    ]
    by_class = contents.items.reshape(20, DRAWINGS, 28, 28)
    for k in range(0, 20, 4):
        for r in range(4):
            np.testing.assert_array_equal(by_class[k + r], np.rot90(by_class[k], k=r, axes=(1, 2)))
    assert contents.splits == {
        "train": list(range(8)),
        "val": list(range(8, 12)),
        "test": list(range(12, 20)),
    }


def test_without_rotations(data_dir: Path) -> None:
    contents = Omniglot(data_dir, split="lake", rotations=False).read()
    assert contents.class_names == SMALL["images_background"] + SMALL["images_evaluation"]
    assert contents.splits == {"train": [0, 1], "val": [2], "test": [3, 4]}


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_truncated_archive(data_dir: Path, tmp_path: Path, share: float) -> None:
    path = data_dir / "omniglot" / "images_evaluation.zip"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DataError, match=re.escape(f"'{path}' is truncated or corrupt")) as caught:
        load(Omniglot(data_dir, split="lake"), tmp_path / "cache")
    assert "\n" not in str(caught.value)


def test_flipped_bytes(data_dir: Path) -> None:
    path = data_dir / "omniglot" / "images_background.zip"
    whole = bytearray(path.read_bytes())
    whole[300:310] = b"corruption"
    path.write_bytes(bytes(whole))
    with pytest.raises(DataError, match="truncated or corrupt"):
        Omniglot(data_dir, split="lake").read()


def test_wrong_number_of_drawings(data_dir: Path) -> None:
    (data_dir / "omniglot" / "images_evaluation.zip").write_bytes(archive_bytes("images_evaluation", 19))
    with pytest.raises(DataError, match="found 38 drawings of 2 characters, expected 40 of 2"):
        Omniglot(data_dir, split="lake").read()


def no_network(*_: Any, **__: Any) -> None:
    raise URLError("Name or service not known")


def test_no_archive_and_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "urlopen", no_network)
    with pytest.raises(DataError, match="Name or service not known") as caught:
        load(Omniglot(tmp_path), tmp_path / "cache")
    line, path = str(caught.value), tmp_path / "omniglot" / "images_background.zip"
    assert f"'{path}'" in line
    assert f"{omniglot.URL}/images_background.zip" in line
    assert "\n" not in line
    assert not list(path.parent.iterdir()), "no half a file is left"


def test_no_archive_and_no_download_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "urlopen", lambda *_, **__: pytest.fail("it went to the network"))
    with pytest.raises(DataError, match=r"images_background\.zip' doesn't exist and download is false"):
        Omniglot(tmp_path, download=False).read()


def test_download_is_checked_and_kept(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = data_dir / "omniglot" / "images_background.zip"
    whole = path.read_bytes()
    path.unlink()
    monkeypatch.setattr(download, "urlopen", lambda *_, **__: io.BytesIO(whole))
    with pytest.raises(DataError, match="the download has MD5"):
        Omniglot(data_dir, split="lake").read()
    assert not path.exists()
    digest = hashlib.md5(whole, usedforsecurity=False).hexdigest()
    monkeypatch.setitem(omniglot.MD5, "images_background", digest)
    Omniglot(data_dir, split="lake").read()
    assert path.read_bytes() == whole


def test_bad_options() -> None:
    with pytest.raises(ConfigError, match=r"dataset\.source\.split: found 'vinyal'. Did you mean 'vinyals'"):
        Omniglot("data", split="vinyal")
    with pytest.raises(ConfigError, match=r"dataset\.source\.size: found 0"):
        Omniglot("data", size=0)


@pytest.fixture(scope="module")
def real(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Contents:
    return load(Omniglot(real_data, rotations=False, download=False), tmp_path_factory.mktemp("cache"))


def test_real_numbers(real: Contents) -> None:
    assert real.items.shape == ((964 + 659) * DRAWINGS, 28, 28, 1)
    assert {split: len(classes) for split, classes in real.splits.items()} == {
        "train": 1028,
        "val": 172,
        "test": 423,
    }
    assert len({k for classes in real.splits.values() for k in classes}) == 1623


def test_real_drawings_have_thin_ink(real: Contents) -> None:
    share = real.items.mean(axis=(1, 2, 3)) / 255
    assert 0.05 < share.mean() < 0.15
    assert (share > 0).all()
