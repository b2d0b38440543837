"""A synthetic sweep, shared by the tests of what a report is made of."""

from pathlib import Path

import pytest

from tests.support.job_folders import write_sweep


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """The folder of a sweep, see `write_sweep`."""
    return write_sweep(tmp_path / "sweep")
