"""What the tests of the pages share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def glyphs_cache() -> Path:
    """Where the embedded data are prepared, once for all tests."""
    return Path(os.environ["METASSL_CACHE_DIR"])
