"""`metassl evaluate` from a checkout."""

import sys

from metassl.cli.main import run

if __name__ == "__main__":
    sys.exit(run(["evaluate", *sys.argv[1:]]))
