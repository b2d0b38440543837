"""A search that is killed at any moment and typed again has the trials that an undisturbed one has, to the bit.

    python -m tests.search.test_kills 30 5   # so many trials, killed so many times, as a user's processes

Each moment is drawn: after which trial, and how long after it. The process is killed by SIGKILL with its whole
group, as a machine that loses its power does.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from metassl.search.storage import own_storage
from metassl.search.study import find_study
from tests.conftest import TINY
from tests.support.killing import run_line, server
from tests.support.searching import said_of, work_here

SPACE = (
    "ssl.refit_weight=log_interval(0.1,10)", "ssl.objective.iterations=int_interval(1,4)",
    "optimizer.optimizer.lr=log_interval(0.0003,0.03)",
)  # fmt: skip
LINE = (
    "search", "model=protonet", "ssl=soft_kmeans", "ready=false", *SPACE, "backbone.filters=4", "seeds=[]",
    *(word for word in TINY if not word.startswith("trainer.")), "trainer.tasks=2", "trainer.accelerator=cpu",
    "trainer.steps=9", "trainer.val_every=3", "trainer.checkpoint_every=2", "out=out",
)  # fmt: skip


def words(npz: Path, trials: int) -> list[str]:
    data = ["dataset=arrays", f"dataset.source.path={npz}", "paths.cache_dir=cache"]
    return [*LINE, *data, f"trials={trials}"]


def found(folder: Path) -> list[tuple[Any, ...]]:
    return said_of(find_study(own_storage(folder / "out"), "search")[0])


def test_a_search_that_is_killed_equals_the_undisturbed_one(tiny_npz: Path, tmp_path: Path) -> None:
    context, line = server(), words(tiny_npz, 3)
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    began = time.monotonic()
    assert run_line(context, line, tmp_path / "whole", target=work_here) == 0, (
        tmp_path / "whole" / "said.txt"
    ).read_text()
    took, draw = time.monotonic() - began, random.Random(1)
    run_line(context, line, tmp_path / "killed", draw.uniform(0.3, 0.8) * took, target=work_here)
    assert run_line(context, line, tmp_path / "killed", target=work_here) == 0
    assert found(tmp_path / "killed") == found(tmp_path / "whole")


def start(line: list[str], folder: Path) -> "subprocess.Popen[bytes]":
    """The command, as a user starts it, in a group of its own."""
    with (folder / "said.txt").open("a") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "metassl", *line], cwd=folder, start_new_session=True,
            stdout=said, stderr=subprocess.STDOUT,
        )  # fmt: skip


def ended(folder: Path) -> int:
    """How many trials of the search in a folder have ended, by what it has said."""
    return (folder / "said.txt").read_text().count("] trial ")


def kill_at(line: list[str], folder: Path, trials: int, later: float) -> None:
    """Starts the command and kills its group some seconds after so many trials have ended."""
    process = start(line, folder)
    while ended(folder) < trials and process.poll() is None:
        time.sleep(0.05)
    time.sleep(later)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def main(trials: int, kills: int) -> None:
    """Compares a search that was killed with one that was not, and says what it saw."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        images = np.random.default_rng(0).integers(0, 256, (800, 16, 16, 1), dtype=np.uint8)
        np.savez(root / "tiny.npz", images=images, labels=np.repeat(np.arange(40), 20))
        line = words(root / "tiny.npz", trials)
        for name in ("whole", "killed"):
            (root / name).mkdir()
        began = time.monotonic()
        assert start(line, root / "whole").wait() == 0, (root / "whole" / "said.txt").read_text()
        took, draw = time.monotonic() - began, random.Random(0)
        print(f"undisturbed: {trials} trials in {took:.0f} s", flush=True)
        for number, target in enumerate(sorted(draw.sample(range(1, trials), kills))):
            kill_at(line, root / "killed", target, draw.uniform(0, 1.5 * took / trials))
            states = [state for _, state, *_ in found(root / "killed")]
            middle = states.count("RUNNING")
            print(
                f"kill {number + 1}: {len(states)} trials begun, {middle} of them in the middle", flush=True
            )
        assert start(line, root / "killed").wait() == 0, (root / "killed" / "said.txt").read_text()
        a, b = found(root / "whole"), found(root / "killed")
        states = [state for _, state, *_ in a]
        print(
            f"trials {len(a)} and {len(b)}: {states.count('COMPLETE')} done, {states.count('PRUNED')} pruned"
        )
        print(f"numbers, states, values, parameters, intermediate values equal to the bit: {a == b}")
        assert a == b


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
