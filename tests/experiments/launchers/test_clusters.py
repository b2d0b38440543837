"""Ray and Slurm: the same numbers as here, to the bit, and what is said where they are not there."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from metassl.errors import ConfigError
from metassl.experiments.execute import execute_run
from metassl.experiments.kept import Kept
from metassl.experiments.launchers.base import WorkerLost
from metassl.experiments.launchers.ray_cluster import RayCluster
from metassl.experiments.launchers.slurm import Slurm
from metassl.experiments.parallel import run_in_parallel
from metassl.experiments.planned_runs import PlannedRun, every_pair
from tests.conftest import CONF, ROOT, TINY
from tests.experiments.launchers.test_local import add, die, refuse


@pytest.fixture
def common(tiny_npz: Path, tmp_path: Path) -> list[str]:
    return [
        "dataset=arrays", f"dataset.source.path={tiny_npz}", f"paths.cache_dir={tmp_path / 'cache'}",
        "backbone.filters=4", "episode.unlabelled=2", *TINY, "evaluation.twin=true",
    ]  # fmt: skip


@pytest.fixture
def runs(common: list[str]) -> list[PlannedRun]:
    return every_pair(["protonet"], ["none", "soft_kmeans"], [0], common)


@pytest.fixture
def here(runs: list[PlannedRun], tmp_path: Path) -> Path:
    """The runs as this process does them, each with its own words composed by Hydra."""
    sweep = tmp_path / "here"
    for run in runs:
        assert execute_run(Kept(), run, sweep, CONF) is not None
    return sweep


def equal(runs: list[PlannedRun], a: Path, b: Path) -> None:
    for run in runs:
        one, other = (json.loads((sweep / run.name / "results.json").read_text()) for sweep in (a, b))
        varies = {"wall_seconds": 0, "commit": ""}
        assert {**one, **varies} == {**other, **varies}
        tables = [pq.read_table(sweep / run.name / "episodes.parquet") for sweep in (a, b)]
        assert tables[0].equals(tables[1])
        assert "meta-test" in (b / run.name / "output.txt").read_text()


def test_slurm_jobs_give_the_same_and_go_on(
    runs: list[PlannedRun], here: Path, tmp_path: Path, capsys
) -> None:
    pytest.importorskip("submitit")
    there = tmp_path / "there"
    launcher = Slurm(cluster="local", runs=2)
    assert run_in_parallel(runs, there, CONF, 2, launcher) == []
    equal(runs, here, there)
    assert list((there / "slurm").glob("*_log.out"))
    capsys.readouterr()
    assert run_in_parallel(runs, there, CONF, 2, launcher) == []
    assert "2 runs, 2 done already" in capsys.readouterr().out


def test_a_slurm_job_that_dies_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("submitit")
    monkeypatch.setattr("metassl.experiments.launchers.slurm_jobs.LATE", 0.1)
    with Slurm(cluster="local").workers(2, tmp_path) as workers:
        dead, refused, sums = (
            workers.submit(die, signal.SIGKILL), workers.submit(refuse, "x"), workers.submit(add, 1, 2)
        )  # fmt: skip
    with pytest.raises(WorkerLost, match=r"^job \d+ ended without a result .*, see .*log\.err\.$"):
        dead.result()
    assert str(refused.exception()) == "x: is refused."
    assert sums.result()[0] == 3


def test_a_job_for_a_debugger_is_done_here(tmp_path: Path) -> None:
    with Slurm(cluster="debug").workers(1, tmp_path) as workers:
        assert workers.submit(add, 1, 2).result()[:2] == (3, os.getpid())


def test_ray_gives_the_same(runs: list[PlannedRun], here: Path, common: list[str], tmp_path: Path) -> None:
    """The whole command, whose process Ray takes a part of; nothing of its noise is in the terminal."""
    pytest.importorskip("ray", reason="ray is not installed: pip install 'metassl[ray]'")
    there = tmp_path / "there"
    words = ["models=[protonet]", "ssl=[none,soft_kmeans]", "seeds=[0]", "jobs=2", "launcher=ray", *common]
    program = [sys.executable, "-m", "metassl", "map", "out=there", *words]
    done = subprocess.run(
        program, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert [line.split()[0] for line in done.stdout.splitlines() if "begun" not in line] == [
        "2", "[1/2]", "[2/2]", "there/map.md", "there/map.html", "there/map.png"
    ]  # fmt: skip
    equal(runs, here, there)


@pytest.mark.parametrize(
    ("package", "launcher"), [("ray", RayCluster()), ("submitit", Slurm(cluster="local"))]
)
def test_a_package_that_is_missing_is_one_line(
    package: str, launcher: RayCluster | Slurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    extra = {"ray": "ray", "submitit": "slurm"}[package]
    with (
        pytest.raises(ConfigError, match=rf"^launcher: {extra} is not installed: .*'metassl\[{extra}\]'$"),
        launcher.workers(1, tmp_path),
    ):
        pass


def test_a_cluster_that_is_not_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        pytest.raises(ConfigError, match=r"^launcher.address: 127.0.0.1:9 doesn't answer"),
        RayCluster("127.0.0.1:9").workers(1, tmp_path),
    ):
        pass
    pytest.importorskip("submitit")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigError, match=r"^launcher.cluster: found 'slurm'\. .*srun.* local or debug\.$"):
        Slurm().workers(1, tmp_path)
