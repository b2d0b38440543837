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
from pathlib import Path

from metassl.cli.benchmark import run_suite
from metassl.errors import UserError


def main() -> int:
    """Run the command line."""
    try:
        return run_suite(sys.argv[1:], Path(__file__).resolve().parent.parent)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("error: stopped by hand; the same command goes on where it was", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
