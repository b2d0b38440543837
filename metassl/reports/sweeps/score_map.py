"""Draws the scores of a sweep as heat maps: the score that decides, and the gain of U."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metassl.outcomes.scores import Score
from metassl.reports.heat_maps import HeatMap, draw_heat_maps
from metassl.reports.sweeps.seed_groups import SeedGroup, rows_and_columns, score

NOISE = 0.02  # of the largest value: two points where that is 100%


def draw_score_map(groups: Sequence[SeedGroup], path: Path, title: str) -> bool:
    """Mean test score, a row a model (and other varying keys), a column an SSL objective.

    A second panel shows the gain of U, where any group has it. Hatched cells marked × have no finished run,
    hatched cells marked – no value. Returns False, and writes nothing, where no group has results.

    Args:
        groups: of one outcome.
        path: of the file.
        title: of the picture.
    """
    finished = [group for group in groups if group.finished]
    if not finished:
        return False
    rows, columns = rows_and_columns(groups)
    decides = finished[0].decides
    found, gain = (mean_scores(groups, what, rows, columns) for what in (decides.name, "gain"))
    if not np.isfinite(found).any():
        return False
    maps = score_maps(decides, found, gain, "gain over the twin")
    draw_heat_maps(rows, columns, maps, path, title, {(g.row, g.ssl) for g in finished})
    return True


def score_maps(
    decides: Score, values: NDArray[np.float64], gains: NDArray[np.float64], gain_of: str
) -> list[HeatMap]:
    """The panels of a score and of a gain in it, the second only where there is any; both [rows, columns]."""
    largest = float(np.abs(values[np.isfinite(values)]).max())
    decimals, noise = (".1f", 100 * NOISE) if decides.percent else (".3g", NOISE * largest)
    title = f"test {decides.label}{'' if decides.higher else ' (less is better)'}"
    maps = [HeatMap(values, title, False, decimals, noise, higher=decides.higher)]
    if np.isfinite(gains).any():
        maps.append(HeatMap(gains, f"{gain_of} ({gain_words(decides)})", True, decimals, noise))
    return maps


def gain_words(decides: Score) -> str:
    """What a gain is in, or where it points."""
    if decides.percent:
        return "percentage points"
    return decides.title if decides.higher else "less error is +"


def mean_scores(
    groups: Sequence[SeedGroup], what: str, rows: Sequence[str], columns: Sequence[str]
) -> NDArray[np.float64]:
    """[rows, columns] means of a score, in percent where people read it so; nan where there is none."""
    values = np.full((len(rows), len(columns)), np.nan)
    for group in groups:
        found = score(group, what)
        if found is not None:
            values[rows.index(group.row), columns.index(group.ssl)] = group.decides.factor * found.mean
    return values
