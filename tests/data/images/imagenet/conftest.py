"""Where a data set of photographs belongs."""

from pathlib import Path

import pytest


@pytest.fixture
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An empty folder of the name that the test's module gives as NAME."""
    path = tmp_path / "data" / request.module.NAME
    path.mkdir(parents=True)
    return path
