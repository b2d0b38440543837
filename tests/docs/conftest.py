"""What the tests of the pages share."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def glyphs_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the embedded data are prepared, once for all tests of the pages."""
    return tmp_path_factory.mktemp("prepared")
