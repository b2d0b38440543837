"""The store: prepared once, whole or not at all, checked whenever it is opened."""

import json
import multiprocessing
import os
import re
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metassl.data.pool import Contents, split_pool
from metassl.data.preparing.room import room
from metassl.data.store import load
from metassl.errors import DataError
from tests.support.sources import contents


@dataclass
class Toy:
    """A source that notes in `log` each time it is read, and takes `seconds` for it."""

    log: Path
    seconds: float = 0.0
    holds: Contents = field(default_factory=contents)
    name: str = "toy"

    def fingerprint(self) -> Mapping[str, Any]:
        return {"version": 1}

    def read(self) -> Contents:
        with self.log.open("a") as file:
            file.write("read\n")
        time.sleep(self.seconds)
        return self.holds


def in_child(toy: Toy, cache: Path) -> multiprocessing.Process:
    # spawn: a fork of a process with torch's threads may hang.
    child = multiprocessing.get_context("spawn").Process(target=load, args=(toy, cache))
    child.start()
    return child  # type: ignore[return-value]


def prepared_folder(cache: Path) -> Path:
    (folder,) = [entry for entry in cache.iterdir() if entry.is_dir()]
    return folder


def test_second_load_reads_only_the_cache(tmp_path: Path) -> None:
    toy = Toy(tmp_path / "log")
    first, second = (load(toy, tmp_path / "cache") for _ in range(2))
    assert toy.log.read_text() == "read\n"
    assert isinstance(second.items, np.memmap)
    assert not second.items.flags.writeable
    np.testing.assert_array_equal(first.items, contents().items)
    np.testing.assert_array_equal(second.counts, [2, 1, 3])
    assert second.splits == {"train": [0, 2], "val": [], "test": [1]}
    assert second.meta == {"note": "tiny"}
    np.testing.assert_array_equal(split_pool(second, "train").starts, [0, 3])


def test_two_processes_at_once_prepare_once(tmp_path: Path) -> None:
    toy, cache = Toy(tmp_path / "log", seconds=1.0), tmp_path / "cache"
    children = [in_child(toy, cache) for _ in range(2)]
    for child in children:
        child.join(30)
    assert [child.exitcode for child in children] == [0, 0]
    assert toy.log.read_text() == "read\n"
    assert sorted(file.name for file in prepared_folder(cache).iterdir()) == ["items.npy", "meta.json"]


def test_killed_in_the_middle_leaves_nothing_that_looks_prepared(tmp_path: Path) -> None:
    toy, cache = Toy(tmp_path / "log", seconds=60), tmp_path / "cache"
    child = in_child(toy, cache)
    while not toy.log.exists() and child.is_alive():
        time.sleep(0.02)
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    child.join(30)
    assert all(entry.name.startswith(".") for entry in cache.iterdir() if entry.is_dir())
    loaded = load(replace(toy, seconds=0), cache)
    assert len(loaded.items) == 6
    assert not prepared_folder(cache).name.startswith("."), "the dead job's folder is swept away"


def test_failed_read_leaves_no_folder(tmp_path: Path) -> None:
    toy = Toy(tmp_path / "log", holds=replace(contents(), counts=np.array([2, 1, 4])))
    with pytest.raises(DataError, match="sum to 7 items, found 6"):
        load(toy, tmp_path / "cache")
    assert not [entry for entry in (tmp_path / "cache").iterdir() if entry.is_dir()]


@dataclass
class Large(Toy):
    """A source that fills the store's file bit by bit, and breaks off after `fill` items."""

    fill: int = 6
    seen: list[np.ndarray] = field(default_factory=list)

    def read(self) -> Contents:
        items = room(self.holds.items.shape)
        self.seen.append(items)
        for row in range(self.fill):
            items[row] = self.holds.items[row]
        if self.fill < len(items):
            raise DataError("broken off.")
        return replace(self.holds, items=items)


def test_items_may_be_made_in_the_file_itself(tmp_path: Path) -> None:
    source = Large(tmp_path / "log")
    loaded = load(source, tmp_path / "cache")
    assert isinstance(source.seen[0], np.memmap), "no copy of all items is in memory"
    np.testing.assert_array_equal(loaded.items, contents().items)
    assert not loaded.items.flags.writeable
    assert sorted(file.name for file in prepared_folder(tmp_path / "cache").iterdir()) == [
        "items.npy",
        "meta.json",
    ]
    np.testing.assert_array_equal(source.read().items, contents().items)
    assert not isinstance(source.seen[1], np.memmap), "outside the store it is memory"


def test_items_of_another_array_than_the_room(tmp_path: Path) -> None:
    class Careless(Large):
        def read(self) -> Contents:
            room((600, 2, 2, 1))
            return self.holds

    np.testing.assert_array_equal(
        load(Careless(tmp_path / "log"), tmp_path / "cache").items, contents().items
    )


def test_file_that_is_half_filled_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"broken off"):
        load(Large(tmp_path / "log", fill=3), tmp_path / "cache")
    assert not [entry for entry in (tmp_path / "cache").iterdir() if entry.is_dir()]


def test_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(DataError, match=r"cache' has no room for 24 bytes: No space left on device"):
        load(Large(tmp_path / "log"), tmp_path / "cache")


def shorten(folder: Path) -> None:
    (folder / "items.npy").write_bytes((folder / "items.npy").read_bytes()[:-1])


def swap_dtype(folder: Path) -> None:
    items = np.load(folder / "items.npy")
    np.save(folder / "items.npy", items.view(np.int8))


def edit_meta(folder: Path, **changes: object) -> None:
    meta = json.loads((folder / "meta.json").read_text())
    (folder / "meta.json").write_text(json.dumps({**meta, **changes}))


DAMAGE = {
    "items cut short": (shorten, "items.npy"),
    "items of another type": (swap_dtype, "items.npy"),
    "items gone": (lambda folder: (folder / "items.npy").unlink(), "items.npy"),
    "meta cut short": (lambda folder: (folder / "meta.json").write_text('{"shape": ['), "meta.json"),
    "meta without counts": (lambda folder: (folder / "meta.json").write_text("{}"), "meta.json"),
    "other counts": (lambda folder: edit_meta(folder, counts=[2, 1, 4]), "meta.json"),
    "split out of range": (lambda folder: edit_meta(folder, splits={"train": [7]}), "meta.json"),
    "splits overlap": (lambda folder: edit_meta(folder, splits={"train": [1], "test": [1]}), "meta.json"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damaged_cache_names_file_and_remedy(tmp_path: Path, what: str) -> None:
    damage, file = DAMAGE[what]
    toy, cache = Toy(tmp_path / "log"), tmp_path / "cache"
    load(toy, cache)
    folder = prepared_folder(cache)
    damage(folder)
    with pytest.raises(DataError, match=re.escape(f"delete the folder '{folder}'")) as caught:
        load(toy, cache)
    assert file in str(caught.value)
    assert "\n" not in str(caught.value)


def test_cache_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"cache folder '.*file/cache' can't be written: Not a directory"):
        load(Toy(tmp_path / "log"), tmp_path / "file" / "cache")
