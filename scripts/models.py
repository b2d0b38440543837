"""`metassl models` from a checkout."""

import sys

from metassl.cli.main import run

if __name__ == "__main__":
    sys.exit(run(["models", *sys.argv[1:]]))
