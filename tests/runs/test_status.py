"""What a run leaves of how it ended, alone and in a sweep."""

from pathlib import Path

import pytest

from metassl.errors import ConfigError, Interrupted
from metassl.runs.status import attempt, read_status


def raising(error: BaseException):
    def work() -> float:
        raise error

    return work


def test_a_run_that_ends_well(tmp_path: Path) -> None:
    seen = []
    assert attempt(lambda: seen.append(read_status(tmp_path)) or 0.5, tmp_path, alone=True) == 0.5
    assert seen == [("running", None)]
    assert read_status(tmp_path) == ("done", None)


def test_no_status_is_none(tmp_path: Path) -> None:
    assert read_status(tmp_path) == (None, None)


def test_a_mistake_ends_the_program_or_is_recorded(tmp_path: Path) -> None:
    error = ConfigError("ssl: no such")
    with pytest.raises(SystemExit) as stopped:
        attempt(raising(error), tmp_path, alone=True)
    assert stopped.value.code == 2
    assert attempt(raising(error), tmp_path, alone=False) is None
    assert read_status(tmp_path) == ("failed", "ssl: no such")
    assert not (tmp_path / "error.txt").exists()


def test_a_defect_of_the_program_leaves_its_trace(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        attempt(raising(ZeroDivisionError("by 0")), tmp_path, alone=True)
    assert attempt(raising(ZeroDivisionError("by 0")), tmp_path, alone=False) is None
    assert read_status(tmp_path) == ("failed", "ZeroDivisionError: by 0")
    assert "Traceback" in (tmp_path / "error.txt").read_text()


@pytest.mark.parametrize(
    ("stop", "said"), [(KeyboardInterrupt(), "stopped by hand"), (Interrupted("SIGTERM"), "SIGTERM")]
)
def test_a_stop_ends_a_sweep_too(tmp_path: Path, stop: BaseException, said: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        attempt(raising(stop), tmp_path, alone=False)
    assert stopped.value.code == 130
    assert read_status(tmp_path) == ("stopped", said)
