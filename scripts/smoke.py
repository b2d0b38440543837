"""Does every pair run? One training step and one test batch of each, on a tiny network: a minute or more.

    python scripts/smoke.py                              # all of conf/model × all of conf/ssl
    python scripts/smoke.py models=[maml] ssl=[vat,ict]  # some of them

Prints the matrix: + runs, · refused by a constructor, × broken. Exit code 1 where a pair is broken.
"""

import sys
from functools import partial
from pathlib import Path

from metassl.cli.command import run_command
from metassl.cli.smoke import smoke

if __name__ == "__main__":
    sys.exit(run_command(partial(smoke, conf=Path(__file__).resolve().parent.parent / "conf")))
