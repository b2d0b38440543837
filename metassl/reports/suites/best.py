"""The best row of a column, chosen on validation, and which others differ from it."""

from dataclasses import dataclass

import numpy as np

from metassl.evaluation.significance import holm, p_over_seeds
from metassl.experiments.suites.suite import Table
from metassl.reports.suites.verdicts import Verdict, Verdicts


@dataclass(frozen=True)
class Best:
    """The best row of a column; `differ` holds those that differ from it after Holm's correction at 5%."""

    row: str
    differ: frozenset[str]


def best_of_columns(table: Table, verdicts: Verdicts) -> dict[str, Best]:
    """Column -> its best row, for those whose every row that was run has a validation, and nothing published.

    The test plays no part in the choice, or the best of many would be the luckiest. The differences are
    paired by seed.
    """
    found: dict[str, Best] = {}
    if any(verdict.published is not None for verdict in verdicts.values()) and not table.axis:
        return found  # what counts there is how close they are
    for column in table.columns:
        run = {row: verdicts[row, column] for row in table.rows if verdicts[row, column].mean is not None}
        known = {row: v.validation for row, v in run.items() if v.validation is not None}
        if len(run) > 1 and len(known) == len(run):
            best = max(known, key=lambda row: run[row].score.improvement(known[row]))
            p = {row: _p(run[best], other) for row, other in run.items() if row != best}
            held = holm(list(p.values()))
            differ = frozenset(row for row, holds in zip(p, held, strict=True) if holds)
            found[column] = Best(best, differ)
    return found


def _p(best: Verdict, other: Verdict) -> float:
    if best.seeds != other.seeds:
        return float("nan")
    return p_over_seeds(np.subtract(best.values, other.values))
