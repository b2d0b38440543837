"""Runs of a sweep that fail, or that somebody else is at work on."""

import os
import signal
from pathlib import Path

import pytest

from metassl.experiments.claims import RunTaken, claimed
from metassl.experiments.failures import tell_failed
from metassl.experiments.kept import Kept
from metassl.experiments.launchers.local import Local
from metassl.experiments.parallel import run_in_parallel
from metassl.experiments.planned_runs import PlannedRun
from metassl.files import read_json, write_json
from tests.conftest import CONF

RUNS = [PlannedRun(name, (f"seed={k}",)) for k, name in enumerate(("well", "killed", "taken"))]


def execute(kept: Kept, run: PlannedRun, sweep: Path, conf: Path, composed: bytes | None) -> float | None:
    """What a run does to its folder, and how it may end."""
    folder = sweep / run.name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "output.txt").write_text("first\nsecond\n\nthird\nfourth\n")
    if run.name == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if run.name == "taken":
        raise RunTaken("taken: another process is at work on this run.")
    write_json(folder / "results.json", {"score": "accuracy"})
    return 0.5


def test_a_run_whose_worker_dies_fails_and_the_others_go_on(tmp_path: Path, capsys) -> None:
    failed = run_in_parallel(RUNS, tmp_path, CONF, 1, Local(), execute)
    assert [run.name for run in failed] == ["killed", "taken"]
    assert read_json(tmp_path / "killed" / "status.json")["status"] == "failed"
    assert not (tmp_path / "taken" / "status.json").exists()  # that is the other's
    capsys.readouterr()
    tell_failed(failed[:1], tmp_path)
    first, *last = capsys.readouterr().out.splitlines()
    assert first.startswith("failed: killed: its worker was killed (SIGKILL")
    assert [line.strip() for line in last[:-1]] == ["second", "third", "fourth"]
    assert str(tmp_path / "killed" / "output.txt") in last[-1]


def test_a_run_is_one_process_s_at_a_time(tmp_path: Path) -> None:
    said = r"a/b: another process is at work on this run\.$"
    with (
        claimed(tmp_path, "a/b"),
        claimed(tmp_path, "other"),
        pytest.raises(RunTaken, match=said),
        claimed(tmp_path, "a/b"),
    ):
        pass
    with claimed(tmp_path, "a/b"):
        pass
