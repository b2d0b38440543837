"""The script that writes the report."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.job_folders import write_sweep

SCRIPT = ROOT / "scripts" / "report.py"


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    return write_sweep(tmp_path / "sweep")


def run_script(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_script_writes_the_report(sweep: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    done = run_script(sweep, "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in out.iterdir()) == [
        "curves.png",
        "heatmap.png",
        "intervals.png",
        "report.html",
        "report.md",
    ]
    assert all(str(out / name) in done.stdout for name in ("curves.png", "heatmap.png", "report.html"))
    report = (out / "report.md").read_text()
    for part in ("| protonet | consistency |", "](heatmap.png)", "](curves.png)", "Protocol:", "loss is nan"):
        assert part in report


def test_the_script_reports_one_run_into_its_own_folder(sweep: Path) -> None:
    assert run_script(sweep / "2").returncode == 0
    assert {"report.md", "report.html", "curves.png"} <= {path.name for path in (sweep / "2").iterdir()}


def test_the_script_says_a_mistake_in_one_line(sweep: Path) -> None:
    (sweep / "0" / "run.json").write_text("{")
    for arguments in ([sweep], [sweep / "absent"], [sweep / "1", "--out", sweep / "multirun.yaml"]):
        failed = run_script(*arguments)
        assert (failed.returncode, failed.stdout) == (2, "")
        assert failed.stderr.startswith("error: ")
        assert failed.stderr.count("\n") == 1
