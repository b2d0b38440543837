"""Run a suite of published results again, and compare.

    python scripts/benchmark.py suite=ren2018_omniglot                             # every cell, every seed
    python scripts/benchmark.py suite=ren2018_omniglot rows=[soft_k_means] seeds=[0] jobs=1
    python scripts/benchmark.py suite=ren2018_omniglot rows=[supervised] seeds=[0] steps=200   # a short trial

Runs go to outputs/benchmarks (out=...). Those that are done are not run again, and a killed suite goes on
where it was: type the same command. The results, a small JSON file for each row and seed, and the report go
to benchmarks/results/<suite>. With steps=... or any of train.py's options the runs and results go to a
folder of their own in outputs/benchmarks, so that they never mix with the others.
Exit code 1 where a cell failed, 2 for a user's mistake, 130 when stopped by hand.
"""

import sys
from functools import partial
from pathlib import Path

from metassl.cli.command import run_command
from metassl.cli.suite import run_suite

if __name__ == "__main__":
    sys.exit(run_command(partial(run_suite, root=Path(__file__).resolve().parent.parent)))
