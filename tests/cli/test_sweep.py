"""A sweep: a job that fails does not stop the others, is listed, and the exit code says so."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT, TINY


def test_failed_job_is_listed_and_the_report_is_written(tiny_npz: Path, tmp_path: Path) -> None:
    words = [
        "-m", "model=maml,protonet", "backbone.norm=running", "ssl=none", "engine=loop", "dataset=arrays",
        f"dataset.source.path={tiny_npz}", "backbone.filters=4", *TINY, f"hydra.sweep.dir={tmp_path}/sweep",
        f"paths.cache_dir={tmp_path}/cache",
    ]  # fmt: skip
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "train.py"), *words],
        cwd=tmp_path, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "1 of 2 jobs done" in done.stdout
    assert "job 0 failed: backbone.norm: found 'running'" in done.stderr
    assert "Traceback" not in done.stderr
    states = [json.loads((tmp_path / "sweep" / k / "status.json").read_text())["status"] for k in "01"]
    assert states == ["failed", "done"]
    report = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "report.py"), f"{tmp_path}/sweep"],
        env=env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "protonet" in report.stdout
    assert "running" in (tmp_path / "sweep" / "report.md").read_text()
    assert (tmp_path / "sweep" / "heatmap.png").stat().st_size > 1000
