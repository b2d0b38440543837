"""A sweep: a job that fails does not stop the others, is listed, and the exit code says so."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from omegaconf import OmegaConf

from metassl.cli.sweep import SweepReport
from tests.conftest import TINY
from tests.support import processes
from tests.support.console import metassl


def sweep(
    folder: Path, npz: Path, *words: str, how: Callable[..., CompletedProcess[str]] = processes.done
) -> CompletedProcess[str]:
    """Two jobs into folder/sweep, of which the first fails; what is said about it is as promised."""
    line = [
        "-m", "model=maml,protonet", "backbone.norm=running", "ssl=none", "engine=loop", "dataset=arrays",
        f"dataset.source.path={npz}", "backbone.filters=4", *TINY, f"hydra.sweep.dir={folder}/sweep",
        f"paths.cache_dir={folder}/cache", *words,
    ]  # fmt: skip
    done = how(["train", *line], folder)
    assert done.returncode == 1
    assert "1 of 2 jobs done" in done.stdout
    assert "job 0 failed: backbone.norm: found 'running'" in done.stderr
    assert "Traceback" not in done.stderr
    states = [json.loads((folder / "sweep" / k / "status.json").read_text())["status"] for k in "01"]
    assert states == ["failed", "done"]
    return done


def numbers(folder: Path) -> dict:
    """The results of the second job, without the time they took."""
    results = json.loads((folder / "sweep" / "1" / "results.json").read_text())
    del results["wall_seconds"]
    return results


def test_failed_job_is_listed_and_the_report_is_written(
    tiny_npz: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By Hydra's basic launcher and, with the same numbers, by its joblib one, in two processes."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    sweep(one, tiny_npz)
    done = sweep(two, tiny_npz, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", how=processes.started)
    assert "Joblib.Parallel(n_jobs=2" in done.stdout
    assert numbers(one) == numbers(two)
    assert metassl("report", f"{one}/sweep") == 0
    assert "protonet" in capsys.readouterr().out
    assert "running" in (one / "sweep" / "report.md").read_text()
    assert "data:image/png" in (one / "sweep" / "report.html").read_text()


def test_jobs_are_listed_by_number_or_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("10", "9", "seed=1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "status.json").write_text('{"status": "failed", "error": "why"}')
    with pytest.raises(SystemExit) as end:
        SweepReport().on_multirun_end(OmegaConf.create({"hydra": {"sweep": {"dir": str(tmp_path)}}}))
    assert end.value.code == 1
    said = capsys.readouterr().err
    assert [line.split(" failed")[0] for line in said.splitlines()] == ["job seed=1", "job 9", "job 10"]
