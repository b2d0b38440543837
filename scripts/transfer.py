"""Compare distances between tasks on a finished run of model=nearest_task.

python scripts/transfer.py run=outputs/<when> [tasks=20] [distances=[mmd,wasserstein]]

For test tasks and stored tasks: the distance and the real gain of starting there, and the rank correlation of
the two for each distance. Writes transfer.json into the run's folder.
"""

import sys
from functools import partial
from pathlib import Path

from metassl.cli.command import run_command
from metassl.cli.transfer import compare_distances

if __name__ == "__main__":
    sys.exit(run_command(partial(compare_distances, conf=Path(__file__).resolve().parent.parent / "conf")))
