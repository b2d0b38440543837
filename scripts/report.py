"""`metassl report` from a checkout."""

import sys

from metassl.cli.main import run

if __name__ == "__main__":
    sys.exit(run(["report", *sys.argv[1:]]))
