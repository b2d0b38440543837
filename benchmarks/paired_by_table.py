"""How far one run of the suite of tables is ahead of others, paired over the tables.

    python -m benchmarks.paired_by_table RUN OTHER [OTHER …]

RUN and OTHER are folders of the suite's runs, each with its tests (`tests/*/episodes.parquet`), which are of
the same tasks. For each test that both have: the mean over the tables of the difference in accuracy, in
points, with a 95% interval over the tables, and on how many of them RUN is ahead.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from metassl.evaluation.intervals import over_episodes

EPISODES = "episodes.parquet"


def main(run: Path, others: list[Path]) -> None:
    """Prints a line for each test and other run."""
    own = by_test(run)
    for other in others:
        theirs = by_test(other)
        for test in sorted(own.keys() & theirs.keys(), key=lambda name: (len(name), name)):
            print(f"{test}, against {other.name}: {ahead(own[test], theirs[test])}")


def by_test(run: Path) -> dict[str, pd.DataFrame]:
    """Test -> its episodes."""
    found = {file.parent.name: pd.read_parquet(file) for file in run.glob(f"tests/*/{EPISODES}")}
    if not found:
        sys.exit(f"error: {run}: found no tests/*/{EPISODES}, give the folder of a suite's run.")
    return found


def ahead(own: pd.DataFrame, theirs: pd.DataFrame) -> str:
    """The difference in words. `family` is the table of a task."""
    if not own[["episode", "family"]].equals(theirs[["episode", "family"]]):
        sys.exit("error: the runs were tested on different tasks.")
    difference = (own["accuracy"] - theirs["accuracy"]).groupby(own["family"]).mean().to_numpy(np.float64)
    wins = int((difference > 0).sum())
    return f"{over_episodes(difference).percent(signed=True)}, ahead on {wins} of {len(difference)} tables"


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(str(__doc__))
    main(Path(sys.argv[1]), list(map(Path, sys.argv[2:])))
