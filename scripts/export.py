"""`metassl export` from a checkout."""

import sys

from metassl.cli.main import run

if __name__ == "__main__":
    sys.exit(run(["export", *sys.argv[1:]]))
