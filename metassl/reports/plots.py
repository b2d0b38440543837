"""Pictures of a sweep as PNG files: accuracy and gain of U by model and objective, learning curves.

Matplotlib is imported inside the functions, so that importing this module costs nothing, and its
`Figure` is used directly: no pyplot, no global state, no display.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metassl.reports.grids import draw_grids, figure, save
from metassl.reports.groups import Group, score
from metassl.reports.runs import Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]

# Okabe and Ito's colours, which stay apart under every common colour blindness; yellow is left out
# because it vanishes on white. Line styles take over after the seventh.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
STYLES = ("-", "--", ":", "-.")


def heat_map(groups: Sequence[Group], path: Path, title: str) -> bool:
    """Mean test accuracy in percent, a row a model (and other varying keys), a column an SSL objective.

    A second panel shows the gain of U in percentage points, where any group has it. Hatched cells marked
    × have no finished run, hatched cells marked – no value. Returns False, and writes nothing, where no group
    has results.
    """
    accuracy, gain = _cells(groups, "accuracy"), _cells(groups, "gain")
    if np.isnan(accuracy).all():
        return False
    panels = [(accuracy, "test accuracy (%)", False)]
    if not np.isnan(gain).all():
        panels.append((gain, "gain of U (percentage points)", True))
    rows, objectives = _names(groups)
    finished = {(group.row, group.ssl) for group in groups if group.finished}
    draw_grids(rows, objectives, panels, path, title, finished)
    return True


def learning_curves(
    groups: Sequence[Group], path: Path, title: str, metric: str = "val/accuracy", columns: int = 3
) -> bool:
    """The metric in percent against the training step: a panel a model, a line an SSL objective.

    A line is the mean over the seeds at the steps that all of them logged; the band runs from the lowest
    seed to the highest. Returns False, and writes nothing, where no finished run logged the metric.
    """
    curves = [(group, curve) for group in groups if (curve := _over_seeds(group, metric)) is not None]
    if not curves:
        return False
    rows = list(dict.fromkeys(group.row for group, _ in curves))
    objectives = list(dict.fromkeys(group.ssl for group in groups))
    columns = min(columns, len(rows))
    shape = (-(-len(rows) // columns), columns)
    drawn = figure((3.2 * shape[1] + 2.0, 2.7 * shape[0] + 0.8), (1, 1))
    axes = drawn.subplots(*shape, sharex=True, sharey=True, squeeze=False).ravel()
    for ax, row in zip(axes, rows, strict=False):
        ax.set_title(row, fontsize="medium")
        ax.grid(alpha=0.3)
        for group, curve in curves:
            if group.row == row:
                _line(ax, curve, objectives.index(group.ssl), group.ssl)
    for place, ax in enumerate(axes):
        ax.set_visible(place < len(rows))
        # With shared axes only the lowest row shows its ticks, unless the panel below stays empty.
        ax.tick_params(labelbottom=place + columns >= len(rows))
    handles = {name: line for ax in axes for line, name in zip(*ax.get_legend_handles_labels(), strict=True)}
    shown = [name for name in objectives if name in handles]
    drawn.legend([handles[name] for name in shown], shown, loc="outside right upper", title="ssl")
    drawn.suptitle(title)
    drawn.supxlabel("training step (line: mean over seeds, band: lowest to highest seed)", fontsize="medium")
    drawn.supylabel(f"{metric} (%)", fontsize="medium")
    save(drawn, path)
    return True


def _cells(groups: Sequence[Group], what: str) -> Array:
    """[rows, objectives] of means in percent, nan where there is none."""
    rows, objectives = _names(groups)
    values = np.full((len(rows), len(objectives)), np.nan)
    for group in groups:
        found = score(group, what)
        if found is not None:
            values[rows.index(group.row), objectives.index(group.ssl)] = 100 * found.mean
    return values


def _names(groups: Sequence[Group]) -> tuple[list[str], list[str]]:
    return list(dict.fromkeys(g.row for g in groups)), list(dict.fromkeys(g.ssl for g in groups))


def _over_seeds(group: Group, metric: str) -> tuple[NDArray[np.int64], Array] | None:
    """(steps, [seeds, steps] in percent) at the steps that all the finished seeds logged."""
    found = [run.curve[metric] for run in group.finished if metric in run.curve]
    if not found:
        return None
    steps = reduce(np.intersect1d, (series.steps for series in found))
    return (steps, 100 * np.stack([_at(series, steps) for series in found])) if steps.size else None


def _at(series: Series, steps: NDArray[np.int64]) -> Array:
    return series.values[np.searchsorted(series.steps, steps)]


def _line(ax: Axes, curve: tuple[NDArray[np.int64], Array], index: int, label: str) -> None:
    steps, values = curve
    colour, style = COLOURS[index % len(COLOURS)], STYLES[index // len(COLOURS) % len(STYLES)]
    marker = "o" if steps.size == 1 else None  # one point alone draws no line
    ax.plot(steps, values.mean(axis=0), color=colour, linestyle=style, marker=marker, label=label)
    if len(values) > 1:
        ax.fill_between(steps, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0)
