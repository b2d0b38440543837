"""`metassl look` from a checkout."""

import sys

from metassl.cli.main import run

if __name__ == "__main__":
    sys.exit(run(["look", *sys.argv[1:]]))
