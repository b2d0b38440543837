"""Compare distances between tasks on a finished run of model=nearest_task.

python scripts/transfer.py run=outputs/<when> [tasks=20] [distances=[mmd,wasserstein]]

For test tasks and stored tasks: the distance and the real gain of starting there, and the rank correlation of
the two for each distance. Writes transfer.json into the run's folder.
"""

import sys
from pathlib import Path

from metassl.cli.transfer import compare
from metassl.errors import UserError

if __name__ == "__main__":
    try:
        compare(sys.argv[1:], Path(__file__).resolve().parent.parent / "conf")
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
