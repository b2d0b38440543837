"""The command that writes the report."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.console import metassl
from tests.support.job_folders import write_sweep


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    return write_sweep(tmp_path / "sweep")


class Said(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    def run(*arguments: object) -> Said:
        code = metassl("report", *map(str, arguments))
        return Said(code, *capsys.readouterr())

    return run


def test_it_writes_the_report(sweep: Path, tmp_path: Path, report: Callable[..., Said]) -> None:
    out = tmp_path / "new" / "folder"
    done = report(sweep, "--out", out)
    assert (done.code, done.err) == (0, "")
    assert sorted(path.name for path in out.iterdir()) == [
        "curves.png",
        "heatmap.png",
        "intervals.png",
        "report.html",
        "report.md",
    ]
    assert all(str(out / name) in done.out for name in ("curves.png", "heatmap.png", "report.html"))
    written = (out / "report.md").read_text()
    for part in ("| protonet | consistency |", "](heatmap.png)", "](curves.png)", "Protocol:", "loss is nan"):
        assert part in written


def test_it_reports_one_run_into_its_own_folder(sweep: Path, report: Callable[..., Said]) -> None:
    assert report(sweep / "2").code == 0
    assert {"report.md", "report.html", "curves.png"} <= {path.name for path in (sweep / "2").iterdir()}


def test_it_says_a_mistake_in_one_line(sweep: Path, report: Callable[..., Said]) -> None:
    (sweep / "0" / "run.json").write_text("{")
    for arguments in ([sweep], [sweep / "absent"], [sweep / "1", "--out", sweep / "multirun.yaml"]):
        failed = report(*arguments)
        assert (failed.code, failed.out) == (2, "")
        assert failed.err.startswith("error: ")
        assert failed.err.count("\n") == 1
