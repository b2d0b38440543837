"""Draws the scores of a sweep as heat maps over what was swept: the score that decides, and the gain of U."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metassl.outcomes.scores import Score
from metassl.reports.heat_maps import HeatMap, Place, Sides, draw_heat_maps
from metassl.reports.sweeps.axes import Axis, row_name, sides
from metassl.reports.sweeps.comparisons import Comparison
from metassl.reports.sweeps.protocol import best_of_each_setting
from metassl.reports.sweeps.seed_groups import SeedGroup, score
from metassl.reports.sweeps.words import interval_words

NOISE = 0.02  # of the largest value: two points where that is 100%
MOST_ROWS, MOST_COLUMNS, MOST_WIDTHS = 30, 30, 60  # more can't be read
Where = Callable[[SeedGroup], Place]


def fits_a_map(groups: Sequence[SeedGroup], axes: Sequence[Axis]) -> bool:
    """Whether a map of these groups could be read."""
    _, over = _places(groups, axes)
    return len(over.rows) <= MOST_ROWS and len(over.columns) <= MOST_COLUMNS


def draw_score_map(
    groups: Sequence[SeedGroup], axes: Sequence[Axis], compared: Sequence[Comparison], path: Path, title: str
) -> bool:
    """Mean test score over what was swept, and in a second panel the gain of U, where any group has it.

    Hatched cells marked × have no finished run, hatched cells marked – no value. Returns False, and writes
    nothing, where no group has results.

    Args:
        groups: of one outcome, finished or not.
        axes: two or more.
        compared: with the best; what differs from it after correction has a star.
        path: of the file.
        title: of the picture.
    """
    finished = [group for group in groups if group.finished]
    if not finished:
        return False
    where, over = _places(groups, axes)
    decides, small = finished[0].decides, len(over.rows) * len(over.columns) <= MOST_WIDTHS
    found, gain = (mean_scores(groups, what, over, where) for what in (decides.name, "gain"))
    if not np.isfinite(found).any():
        return False
    half = mean_scores(groups, decides.name, over, where, width=True) if small else None
    best = {where(group) for group in best_of_each_setting(finished)}
    differ = {where(comparison.other) for comparison in compared if comparison.held}
    maps = score_maps(decides, found, gain, "gain over the twin", half, best, differ)
    notes = [interval_words(finished) if small else interval_words(finished).split(",")[0]]
    notes += ["framed: best on validation"] if best else []
    notes += ["*: differs from it, paired by episode, after Holm's correction"] if differ else []
    draw_heat_maps(over, maps, path, title, set(map(where, finished)), "; ".join(notes))
    return True


def score_maps(
    decides: Score,
    values: NDArray[np.float64],
    gains: NDArray[np.float64],
    gain_of: str,
    half: NDArray[np.float64] | None = None,
    framed: Collection[Place] = (),
    starred: Collection[Place] = (),
) -> list[HeatMap]:
    """The panels of a score and of a gain in it, the second only where there is any; both [rows, columns].

    Args:
        decides: the score.
        values, half, framed, starred: of the score.
        gains: in it.
        gain_of: what the gains are.
    """
    largest = float(np.abs(values[np.isfinite(values)]).max())
    decimals, noise = (".1f", 100 * NOISE) if decides.percent else (".3g", NOISE * largest)
    maps = [
        HeatMap(values, decides.test_label, False, decimals, noise, decides.higher, half, starred, framed)
    ]
    if np.isfinite(gains).any():
        maps.append(HeatMap(gains, f"{gain_of} ({gain_words(decides)})", True, decimals, noise))
    return maps


def gain_words(decides: Score) -> str:
    """What a gain is in, or where it points."""
    if decides.percent:
        return "percentage points"
    return decides.title if decides.higher else "less error is +"


def mean_scores(
    groups: Sequence[SeedGroup], what: str, over: Sides, where: Where, width: bool = False
) -> NDArray[np.float64]:
    """[rows, columns] means of a score, in percent where people read it so; nan where there is none.

    Args:
        groups: of the cells.
        what: see `score`.
        over: rows and columns.
        where: the place of a group.
        width: whether the half width of the interval instead of the mean.
    """
    rows = {name: place for place, name in enumerate(over.rows)}
    columns = {name: place for place, name in enumerate(over.columns)}
    values = np.full((len(rows), len(columns)), np.nan)
    for group in groups:
        found, (row, column) = score(group, what), where(group)
        if found is not None:
            number = found.half_width if width else found.mean
            values[rows[row], columns[column]] = group.decides.factor * number
    return values


def _places(groups: Sequence[SeedGroup], axes: Sequence[Axis]) -> tuple[Where, Sides]:
    """The place of a group, and the sides of the map."""
    down, along = sides(axes)
    name = row_name(down)
    ordered = sorted(groups, key=lambda group: [axis.values.index(axis.of(group)) for axis in down])
    rows = list(dict.fromkeys(map(name, ordered)))
    words = ", ".join(axis.key for axis in down)
    return lambda group: (name(group), along.of(group)), Sides(rows, along.values, words, along.key)
