"""Does every pair run? One training step and one test batch of each, on a tiny network: a minute or more.

    python scripts/smoke.py                              # all of conf/model × all of conf/ssl
    python scripts/smoke.py models=[maml] ssl=[vat,ict]  # some of them

Prints the matrix: + runs, · refused by a constructor, × broken. Exit code 1 where a pair is broken.
"""

import sys
from pathlib import Path

from metassl.cli.smoke import smoke
from metassl.errors import UserError

if __name__ == "__main__":
    try:
        sys.exit(smoke(sys.argv[1:], Path(__file__).parent.parent / "conf"))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
