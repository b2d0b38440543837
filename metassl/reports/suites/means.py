"""The mean over a table's columns, as a column of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from metassl.experiments.suites.suite import Table
from metassl.outcomes.scores import Score
from metassl.reports.suites.records import Record, Records

UNKNOWN = float("nan")


def with_mean(table: Table) -> Table:
    """The table as it is shown: the mean, where the suite asks for one, comes first."""
    return replace(table, columns=(table.mean, *table.columns)) if table.mean else table


def mean_records(table: Table, row: str, records: Records, score: Score) -> dict[int, Record]:
    """Seed -> the mean over the columns, of the seeds that have all of them.

    Tests of one row may share their queries, so its interval over test episodes is not known.
    """
    cells = [records.get((table.name, row, column), {}) for column in table.columns]
    whole = [seed for seed in cells[0] if all(seed in each for each in cells)]
    return {seed: _mean([each[seed] for each in cells], score) for seed in whole}


def _mean(cells: Sequence[Mapping[str, Any]], score: Score) -> Record:
    kept = [cell.get("validation") for cell in cells]
    known = [float(found["mean"]) for found in kept if found is not None]
    return {
        score.name: {"mean": float(np.mean([cell[score.name]["mean"] for cell in cells])), "ci95": UNKNOWN},
        "validation": {"mean": float(np.mean(known))} if len(known) == len(cells) else None,
        "reduced": any(cell["reduced"] for cell in cells),
    }
