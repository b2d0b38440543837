"""CIFAR-FS and FC100: which of the files is read, and what for lack of any."""

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torchvision

from metassl.data.class_splits import published
from metassl.data.images.cifar import FC100, CifarFS
from metassl.data.store import load
from metassl.errors import DataError

NAMES = sorted(name for names in published("cifar_fs").values() for name in names)
SIZES = {CifarFS: (64, 16, 20), FC100: (60, 20, 20)}


def save_reduced(data_dir: Path, **changes: Any) -> Path:
    """Two images a class, each of its class's number."""
    labels = np.tile(np.arange(100), 2)
    images = np.broadcast_to(labels[:, None, None, None], (200, 32, 32, 3)).astype(np.uint8)
    path = data_dir / "cifar_fs" / "cifar100_100_per_class.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **{"images": images, "labels": labels, "class_names": np.array(NAMES), **changes})
    return path


class FakeCifar100:
    """Stands for torchvision's: 3 training and 1 test image a class."""

    def __init__(self, root: str, train: bool, download: bool) -> None:
        if not download and not (Path(root) / "cifar-100-python" / "train").exists():
            raise RuntimeError("Dataset not found or corrupted.\nYou can use download=True to download it")
        self.targets = list(range(100)) * (3 if train else 1)
        numbers = np.array(self.targets, dtype=np.uint8)[:, None, None, None]
        self.data = np.tile(numbers, (1, 32, 32, 3))
        self.classes = NAMES


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchvision.datasets, "CIFAR100", FakeCifar100)


@pytest.mark.parametrize("source", SIZES)
def test_reduced(tmp_path: Path, source: type[CifarFS]) -> None:
    save_reduced(tmp_path)
    contents = load(source(tmp_path), tmp_path / "cache")
    assert contents.meta["reduced"] is True
    assert contents.meta["images_per_class"] == 2
    np.testing.assert_array_equal(contents.items[:, 0, 0, 0], np.repeat(np.arange(100), 2))
    assert tuple(len(contents.splits[split]) for split in ("train", "val", "test")) == SIZES[source]
    assert sorted(k for classes in contents.splits.values() for k in classes) == list(range(100))


@pytest.mark.usefixtures("fake")
def test_full_is_preferred(tmp_path: Path) -> None:
    save_reduced(tmp_path)
    reduced = CifarFS(tmp_path).fingerprint()
    (tmp_path / "cifar-100-python").mkdir()
    (tmp_path / "cifar-100-python" / "train").touch()
    contents = load(CifarFS(tmp_path), tmp_path / "cache")
    assert contents.meta["reduced"] is False
    assert contents.meta["images_per_class"] == 4
    np.testing.assert_array_equal(contents.items[:, 0, 0, 0], np.repeat(np.arange(100), 4))
    assert reduced != CifarFS(tmp_path).fingerprint()


@pytest.mark.usefixtures("fake")
def test_download_is_the_last_choice(tmp_path: Path) -> None:
    assert load(CifarFS(tmp_path), tmp_path / "cache").meta["reduced"] is False


@pytest.mark.usefixtures("fake")
def test_damaged_full_data_are_not_downloaded_over(tmp_path: Path) -> None:
    (tmp_path / "cifar-100-python").mkdir()
    with pytest.raises(DataError, match=r"cifar-100-python' is truncated or corrupt: delete it") as caught:
        CifarFS(tmp_path).read()
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("fake")
def test_nothing_there_and_no_download_allowed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"doesn't exist and download is false: unpack https://"):
        CifarFS(tmp_path, download=False).read()


def test_nothing_there_and_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: Any, **__: Any) -> None:
        raise OSError("Name or service\nnot known")

    monkeypatch.setattr(torchvision.datasets, "CIFAR100", no_network)
    line = "doesn't exist and can't be downloaded (Name or service not known): unpack https://"
    with pytest.raises(DataError, match=re.escape(line)):
        load(FC100(tmp_path), tmp_path / "cache")


def test_reduced_file_of_other_pictures(tmp_path: Path) -> None:
    path = save_reduced(tmp_path, images=np.zeros((200, 28, 28), dtype=np.uint8))
    line = f"'{path}': found 100 classes of uint8 [28, 28, 1], expected 100 of uint8 [32, 32, 3]"
    with pytest.raises(DataError, match=re.escape(line)):
        CifarFS(tmp_path).read()


def test_reduced_file_cut_short(tmp_path: Path) -> None:
    path = save_reduced(tmp_path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DataError, match=re.escape(f"'{path}' can't be read as an .npz")):
        CifarFS(tmp_path).read()


def test_fc100_superclasses_stay_apart() -> None:
    splits = published("fc100")
    assert {"baby", "boy", "girl", "man", "woman"} <= set(splits["test"])
    assert {"hamster", "mouse", "rabbit", "shrew", "squirrel"} <= set(splits["val"])
    assert {"maple_tree", "oak_tree", "palm_tree", "pine_tree", "willow_tree"} <= set(splits["train"])


def test_real_reduced_file(tmp_path: Path) -> None:
    folder = Path(os.environ.get("METASSL_DATA_DIR", ""))
    if "METASSL_DATA_DIR" not in os.environ or not CifarFS(folder).reduced:
        pytest.skip("METASSL_DATA_DIR is unset or has no reduced CIFAR-100")
    contents = load(CifarFS(folder), tmp_path)
    assert contents.items.shape == (10_000, 32, 32, 3)
    np.testing.assert_array_equal(contents.counts, [100] * 100)
