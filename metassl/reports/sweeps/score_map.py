"""Draws the scores of a sweep as heat maps: accuracy, and the gain of U."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metassl.reports.heat_maps import HeatMap, draw_heat_maps
from metassl.reports.sweeps.seed_groups import SeedGroup, rows_and_columns, score


def draw_score_map(groups: Sequence[SeedGroup], path: Path, title: str) -> bool:
    """Mean test accuracy in percent, a row a model (and other varying keys), a column an SSL objective.

    A second panel shows the gain of U in percentage points, where any group has it. Hatched cells marked
    × have no finished run, hatched cells marked – no value. Returns False, and writes nothing, where no group
    has results.
    """
    rows, columns = rows_and_columns(groups)
    accuracy, gain = (mean_scores(groups, what, rows, columns) for what in ("accuracy", "gain"))
    if np.isnan(accuracy).all():
        return False
    maps = [HeatMap(accuracy, "test accuracy (%)", signed=False)]
    if not np.isnan(gain).all():
        maps.append(HeatMap(gain, "gain of U (percentage points)", signed=True))
    draw_heat_maps(rows, columns, maps, path, title, {(g.row, g.ssl) for g in groups if g.finished})
    return True


def mean_scores(
    groups: Sequence[SeedGroup], what: str, rows: Sequence[str], columns: Sequence[str]
) -> NDArray[np.float64]:
    """[rows, columns] means of a score in percent, nan where there is none."""
    values = np.full((len(rows), len(columns)), np.nan)
    for group in groups:
        found = score(group, what)
        if found is not None:
            values[rows.index(group.row), columns.index(group.ssl)] = 100 * found.mean
    return values
