"""Draws how a metric went during the training of a sweep's runs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metassl.errors import printable
from metassl.reports.drawing import label, line_look, new_figure, save_png
from metassl.reports.sweeps.seed_groups import SeedGroup
from metassl.runs.curves import Curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SeedCurves = tuple[NDArray[np.int64], NDArray[np.float64]]  # steps, [seeds, steps] as people read them


def draw_learning_curves(groups: Sequence[SeedGroup], path: Path, title: str, columns: int = 3) -> bool:
    """The validation score against the training step: a panel a model, a line an SSL objective.

    A line is the mean over the seeds at the steps that all of them logged; the band runs from the lowest
    seed to the highest. Returns False, and writes nothing, where no finished run logged the score.
    """
    finished = [group for group in groups if group.finished]
    curves = [(group, curve) for group in finished if (curve := _over_seeds(group)) is not None]
    if not curves:
        return False
    rows = list(dict.fromkeys(group.row for group, _ in curves))
    objectives = list(dict.fromkeys(group.ssl for group in groups))
    columns = min(columns, len(rows))
    shape = (-(-len(rows) // columns), columns)
    figure = new_figure(3.2 * shape[1] + 2.0, 2.7 * shape[0] + 0.8)
    axes = figure.subplots(*shape, sharex=True, sharey=True, squeeze=False).ravel()
    for ax, row in zip(axes, rows, strict=False):
        ax.set_title(label(row), fontsize="medium")
        ax.grid(alpha=0.3)
        for group, curve in curves:
            if group.row == row:
                _draw(ax, curve, objectives.index(group.ssl), group.ssl)
    for place, ax in enumerate(axes):
        ax.set_visible(place < len(rows))
        # With shared axes only the lowest row shows its ticks, unless the panel below stays empty.
        ax.tick_params(labelbottom=place + columns >= len(rows))
    handles = {name: line for ax in axes for line, name in zip(*ax.get_legend_handles_labels(), strict=True)}
    shown = [name for name in objectives if name in handles]
    named = [label(printable(name)) for name in shown]
    figure.legend([handles[name] for name in shown], named, loc="outside right upper", title="ssl")
    figure.suptitle(label(title))
    figure.supxlabel("training step (line: mean over seeds, band: lowest to highest seed)", fontsize="medium")
    decides = finished[0].decides
    unit = " (%)" if decides.percent else ""
    figure.supylabel(f"val/{decides.name}{unit}", fontsize="medium")
    save_png(figure, path)
    return True


def _over_seeds(group: SeedGroup) -> SeedCurves | None:
    """The group's curves at the steps that all the finished seeds logged."""
    metric = f"val/{group.decides.name}"
    found = [run.curves[metric] for run in group.finished if metric in run.curves]
    if not found:
        return None
    steps = reduce(np.intersect1d, (curve.steps for curve in found))
    values = group.decides.factor * np.stack([_at(curve, steps) for curve in found])
    return (steps, values) if steps.size else None


def _at(curve: Curve, steps: NDArray[np.int64]) -> NDArray[np.float64]:
    return curve.values[np.searchsorted(curve.steps, steps)]


def _draw(ax: Axes, curve: SeedCurves, index: int, label: str) -> None:
    steps, values = curve
    colour, style = line_look(index)
    marker = "o" if steps.size == 1 else None  # one point alone draws no line
    ax.plot(steps, values.mean(axis=0), color=colour, linestyle=style, marker=marker, label=label)
    if len(values) > 1:
        ax.fill_between(steps, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0)
