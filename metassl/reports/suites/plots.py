"""Draws a suite's tables: published beside ours, or curves."""

from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

from metassl.experiments.suites.suite import Table
from metassl.reports.drawing import COLOURS, line_look, new_figure, save_png
from metassl.reports.suites.verdicts import Verdict, Verdicts

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_table(table: Table, verdicts: Verdicts, path: Path, title: str) -> None:
    """Writes a PNG file: the score against the axis, or a panel for each column with a mark for each row."""
    if table.axis:
        _curves(table, table.axis, verdicts, path, title)
    else:
        _marks(table, verdicts, path, title)


def _curves(table: Table, axis: str, verdicts: Verdicts, path: Path, title: str) -> None:
    figure = new_figure(7.0, 4.5)
    ax = figure.subplots()
    for index, row in enumerate(table.rows):
        points = [(float(c), verdicts[row, c]) for c in table.columns]
        found = [(x, v.mean, _spread(v)) for x, v in points if v.mean is not None]
        if found:
            x, y, width = zip(*found, strict=True)
            colour, style = line_look(index)
            ax.errorbar(x, y, width, color=colour, linestyle=style, marker="o", capsize=3, label=row)
    label = next(iter(verdicts.values())).score.label
    ax.set(xlabel=axis, ylabel=f"test {label}, ± standard deviation over seeds", title=title)
    ax.grid(alpha=0.3)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(fontsize="small")
    save_png(figure, path)


def _marks(table: Table, verdicts: Verdicts, path: Path, title: str) -> None:
    columns = len(table.columns)
    figure = new_figure(3.2 * columns, 1.2 + 0.4 * len(table.rows))
    axes = figure.subplots(1, columns, sharey=True, sharex=True, squeeze=False).ravel()
    for ax, column in zip(axes, table.columns, strict=True):
        _panel(ax, table, column, verdicts)
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2)
    figure.suptitle(title, fontsize="medium")
    save_png(figure, path)


def _panel(ax: "Axes", table: Table, column: str, verdicts: Verdicts) -> None:
    heights = range(len(table.rows), 0, -1)
    found = [verdicts[row, column] for row in table.rows]
    stated = [(v.published, y) for v, y in zip(found, heights, strict=True) if v.published is not None]
    ours = [(v.mean, y, _spread(v)) for v, y in zip(found, heights, strict=True) if v.mean is not None]
    if stated:
        ax.scatter(*zip(*stated, strict=True), color=COLOURS[4], marker="D", label="published")
    if ours:
        x, y, width = zip(*ours, strict=True)
        label = "ours ± standard deviation over seeds"
        ax.errorbar(x, y, xerr=width, color=COLOURS[0], fmt="o", capsize=3, label=label)
    ax.set(title=column, xlabel=found[0].score.label, yticks=list(heights), yticklabels=table.rows)
    ax.set_ylim(0.4, len(table.rows) + 0.6)
    ax.grid(alpha=0.3)


def _spread(found: Verdict) -> float:
    return 0.0 if isnan(found.spread) else found.spread
