"""`metassl benchmark` from a checkout."""

import sys

from metassl.cli.main import run

if __name__ == "__main__":
    sys.exit(run(["benchmark", *sys.argv[1:]]))
