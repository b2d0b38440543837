"""The store of twins: found while they are there, wherever the folder is moved to."""

import shutil
from pathlib import Path

import pytest

from metassl.errors import UserError
from metassl.runs.twins import TwinStore, resumable


def trained(folder: Path) -> Path:
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "last.ckpt").touch()
    return folder


def test_a_run_is_found_until_it_is_gone(tmp_path: Path) -> None:
    store, run = TwinStore(tmp_path / "a" / "twins"), trained(tmp_path / "a" / "run")
    assert store.find("k") is None
    store.add("k", run)
    assert store.find("other") is None
    shutil.move(tmp_path / "a", tmp_path / "b")  # with all that is in it
    moved = TwinStore(tmp_path / "b" / "twins").find("k")
    assert moved is not None
    assert moved.resolve() == tmp_path / "b" / "run"
    shutil.rmtree(tmp_path / "b" / "run")
    assert TwinStore(tmp_path / "b" / "twins").find("k") is None


def test_only_a_training_with_a_checkpoint_goes_on(tmp_path: Path) -> None:
    assert resumable(tmp_path / "none") is None
    assert resumable(trained(tmp_path / "run")) == tmp_path / "run"
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "config.yaml").touch()
    assert resumable(tmp_path / "begun") is None
    assert not (tmp_path / "begun").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"paths\.twin_dir: '.*file/twins' can't be made"):
        TwinStore(tmp_path / "file" / "twins")
