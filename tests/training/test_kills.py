"""A run or a sweep that is killed at any moment and typed again leaves what the undisturbed one leaves.

    python -m tests.training.test_kills 40   # that many kills, at other moments

Each moment is drawn from the whole time that the undisturbed command takes: its preparation, training, validations,
checkpoints, meta-test and writing.
"""

import random
import signal
import sys
import tempfile
import time
from multiprocessing.context import ForkServerContext
from pathlib import Path

import numpy as np
import pytest

from metassl.checkpoint_file import read_checkpoint
from metassl.files import read_json
from tests.conftest import TINY
from tests.support.killing import contents, run_line, server

RUN = (
    "model=protonet", "ssl=soft_kmeans", "backbone.filters=4", "engine=loop", "trainer.log_every=1",
    "trainer.checkpoint_every=2", *TINY, "trainer.steps=12", "trainer.val_every=6", "evaluation.episodes=20",
)  # fmt: skip
LINES = {
    "run": ["train", *RUN, "hydra.run.dir=out"],
    "multirun": ["train", "-m", *RUN, "trainer.steps=6", "seed=0,1", "hydra.sweep.dir=out"],
    "twin": [
        "train",
        *RUN,
        "trainer.steps=6",
        "evaluation.twin=true",
        "paths.twin_dir=out/twins",
        "hydra.run.dir=out",
    ],
}


@pytest.fixture(scope="module")
def context() -> ForkServerContext:
    return server()


def words(name: str, npz: Path) -> list[str]:
    return [*LINES[name], "dataset=arrays", f"dataset.source.path={npz}", "paths.cache_dir=cache"]


def again(line: list[str], folder: Path) -> list[str]:
    """What a user types after a kill: the same, or resume= where a single run has left a checkpoint.

    Paths are said again, for they are not taken from a run's folder.
    """
    left = (folder / "out" / "checkpoints" / "last.ckpt").is_file()
    paths = [word for word in line if word.startswith("paths.")]
    return ["train", "resume=out", *paths] if left and "-m" not in line else line


def killed_and_done(context: ForkServerContext, line: list[str], folder: Path, moments: list[float]) -> None:
    """Kills the command at each moment (seconds after its start), typed again each time, then lets it end."""
    for after in moments:
        if run_line(context, again(line, folder), folder, after) == 0:
            return
    code = run_line(context, again(line, folder), folder)
    assert code == 0, (folder / "said.txt").read_text()


def check_kills(
    context: ForkServerContext, npz: Path, folder: Path, name: str, kills: int, seed: int
) -> None:
    """Kills, 3 a run, at moments of the whole time; every file is the undisturbed run's at the end."""
    whole = folder / "whole"
    whole.mkdir()
    line = words(name, npz)
    began = time.monotonic()
    assert run_line(context, line, whole) == 0, (whole / "said.txt").read_text()
    took = time.monotonic() - began
    draw = random.Random(seed)
    for k in range(0, kills, 3):
        place = folder / f"killed-{k}"
        place.mkdir()
        killed_and_done(context, line, place, [draw.uniform(0.1, took) for _ in range(min(3, kills - k))])
        expected, found = contents(whole / "out"), contents(place / "out")
        assert found.keys() == expected.keys()
        for file, content in expected.items():
            assert found[file] == content, (file, k)


@pytest.mark.parametrize("name", LINES)
def test_killed_runs_equal_the_undisturbed_one(
    context: ForkServerContext, tiny_npz: Path, tmp_path: Path, name: str
) -> None:
    check_kills(context, tiny_npz, tmp_path, name, 3, seed=0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_meta_test(
    context: ForkServerContext, tiny_npz: Path, tmp_path: Path, number: int
) -> None:
    """At once and in one line, and the run goes on from there."""
    line = [*words("run", tiny_npz), "model=maml", "trainer.steps=6", "evaluation.episodes=40000"]
    last = tmp_path / "out" / "checkpoints" / "last.ckpt"

    def in_meta_test() -> bool:
        """A second after the last checkpoint."""
        ended = last.is_file() and read_checkpoint(last)["global_step"] == 6
        return ended and time.time() - last.stat().st_mtime > 1

    assert run_line(context, line, tmp_path, in_meta_test, number) == 130
    (said,) = (line for line in (tmp_path / "said.txt").read_text().splitlines() if "error: " in line)
    assert said.endswith(f"error: stopped by {signal.Signals(number).name}. Go on with resume={tmp_path}/out")
    assert "Traceback" not in said
    assert read_json(tmp_path / "out" / "status.json")["status"] == "stopped"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        images = np.random.default_rng(0).integers(0, 256, (800, 16, 16, 1), dtype=np.uint8)
        np.savez(Path(place) / "tiny.npz", images=images, labels=np.repeat(np.arange(40), 20))
        for number, name in enumerate(LINES):
            folder = Path(place) / name
            folder.mkdir()
            kills = int(sys.argv[1]) // len(LINES) + 1
            check_kills(server(), Path(place) / "tiny.npz", folder, name, kills, seed=number + 1)
            print(f"{name}: {kills} kills, every file as in the undisturbed run")
