"""`metassl train` from a checkout: python train.py model=maml ssl=consistency dataset=glyphs."""

import sys

from metassl.cli.main import run

if __name__ == "__main__":
    sys.exit(run(["train", *sys.argv[1:]]))
