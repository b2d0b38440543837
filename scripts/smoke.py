"""`metassl smoke` from a checkout."""

import sys

from metassl.cli.main import run

if __name__ == "__main__":
    sys.exit(run(["smoke", *sys.argv[1:]]))
