"""The console command in the tests' own process."""

import sys
from unittest.mock import patch

from metassl.cli.main import run


def metassl(*line: str) -> int:
    """The exit code of `metassl` with these words behind it."""
    with patch.object(sys, "argv", ["metassl", *line]), patch.object(sys, "path", [*sys.path]):
        return run(list(line))
