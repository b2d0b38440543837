"""A disk that is full at some moment ends a run in one line; what was whole stays whole, and the run goes on."""

import errno
import os
from pathlib import Path

import pytest

from metassl import files
from metassl.runs.status import attempt, read_status
from metassl.training.run import train_and_test

WORDS = ("model=protonet", "ssl=soft_kmeans", "trainer.log_every=1", "trainer.steps=4", "trainer.val_every=2")
MOMENTS = ("config.yaml", "best.ckpt", "metrics.csv", "last.ckpt", "episodes.parquet", "results.json")


def go(make_config, folder: Path, *words: str) -> float | None:
    config = make_config(*WORDS, *words)
    return attempt(lambda: train_and_test(config, folder, {}, []), folder, alone=True)


@pytest.mark.parametrize("full", [False, True], ids=["one file", "all after it"])
@pytest.mark.parametrize("name", MOMENTS)
def test_it_ends_in_one_line_and_goes_on(
    make_config, tmp_path: Path, monkeypatch, capsys, name: str, full: bool
) -> None:
    """With `full` nothing can be written any more, not even how it ended."""
    folder, replace, failed = tmp_path / "run", os.replace, []
    folder.mkdir()

    def replace_or_fail(source: Path, target: Path) -> None:
        if Path(target).name == name or (full and failed):
            failed.append(target)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "replace", replace_or_fail)
        with pytest.raises(SystemExit) as end:
            go(make_config, folder)
    assert end.value.code == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert len(errors) == 1
    said = [f"{target}: can't be written (No space left on device). Make room" for target in failed]
    assert any(line in errors[0] for line in said)
    assert read_status(folder)[0] == (None if full else "failed")
    assert not list(folder.rglob("*.tmp"))
    last = folder / "checkpoints" / "last.ckpt"
    assert go(make_config, folder, *([f"resume={folder}"] if last.is_file() else [])) is not None
    assert read_status(folder)[0] == "done"
