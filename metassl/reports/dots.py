"""Draws numbers with their intervals as dots: a line a name, a panel a column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from metassl.reports.drawing import LEGEND, new_figure, ring, save_png, wrapped
from metassl.reports.looks import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LABELS = 4.0  # inches for the names at most
MARK = Look("black", "", "D")  # of what is published


@dataclass(frozen=True)
class Dot:
    """One number.

    Attributes:
        value: of it.
        look: of its mark.
        half: half width of its interval; nan where it has none.
        kind: what the legend says of its mark; "" for nothing.
        hollow: whether the mark is empty inside.
        ringed: whether it is the best on validation.
        text: what stands to the right of a single panel.
        stated: another number beside it, the published one.
    """

    value: float
    look: Look
    half: float = nan
    kind: str = ""
    hollow: bool = False
    ringed: bool = False
    text: str = ""
    stated: float | None = None


@dataclass(frozen=True)
class Panel:
    """A column of dots, from the top; None where a name has none. A dot of nan shows what is stated alone."""

    title: str
    unit: str
    dots: Sequence[Dot | None]


def draw_dots(rows: Sequence[str], panels: Sequence[Panel], path: Path, title: str, note: str) -> None:
    """Writes a PNG file.

    Args:
        rows: the names, from the top.
        panels: beside one another; none is narrower than its numbers can be read in.
        path: of the file.
        title: of the picture.
        note: below it: what the intervals are, over how many.
    """
    names = [wrapped(row, LABELS, 9.5) for row in rows]
    lines = [name.count("\n") + 1 for name in names]
    longest = max(len(line) for name in names for line in name.split("\n"))
    beside = len(panels) == 1 and any(dot and dot.text for dot in panels[0].dots)
    width = 0.3 + 0.085 * longest + len(panels) * (4.6 if len(panels) == 1 else 2.9) + (1.5 if beside else 0)
    heights = _heights(lines)
    figure = new_figure(width, 1.5 + 0.27 * sum(max(1.0, 0.75 * count) for count in lines))
    axes = figure.subplots(1, len(panels), sharey=True, sharex=_one_range(panels), squeeze=False).ravel()
    for ax, panel in zip(axes, panels, strict=True):
        _draw(ax, panel, heights)
        ax.set_title(wrapped(panel.title, 2.6, 11), fontsize="medium")
    axes[0].set_yticks(heights, names, fontsize=9.5)
    axes[0].set_ylim(min(heights) - 0.7, max(heights) + 0.7)
    if beside:
        _say_beside(axes[0], panels[0], heights)
    legend = {name: mark for ax in axes for mark, name in zip(*ax.get_legend_handles_labels(), strict=True)}
    if legend:
        figure.legend(legend.values(), legend, loc="outside right upper", fontsize="small")
        figure.set_figwidth(width + LEGEND)
    # From the left, so that it ends before the legend.
    figure.suptitle(wrapped(title, width - 0.2, 12), fontsize="large", x=0.01, ha="left")
    figure.supxlabel(wrapped(note, width - 0.3, 9), fontsize="small")
    save_png(figure, path)


def _heights(lines: Sequence[int]) -> list[float]:
    """Where each name stands; one of several lines has more room."""
    room = [max(1.0, 0.75 * count) for count in lines]
    return list(-(np.cumsum(room) - np.asarray(room) / 2))


def _one_range(panels: Sequence[Panel]) -> bool:
    """Whether all panels can be read on one axis: none of them would be a sliver of it."""
    spans = []
    for panel in panels:
        ends = [end for dot in panel.dots if dot for end in _ends(dot)]
        spans += [(min(ends), max(ends))] if ends else []
    if not spans:
        return True
    whole = max(high for _, high in spans) - min(low for low, _ in spans)
    return all(high - low >= 0.2 * whole for low, high in spans)


def _ends(dot: Dot) -> list[float]:
    half = 0.0 if isnan(dot.half) else dot.half
    ends = [] if isnan(dot.value) else [dot.value - half, dot.value + half]
    return ends if dot.stated is None else [*ends, dot.stated]


def _draw(ax: Axes, panel: Panel, heights: Sequence[float]) -> None:
    for place, (height, dot) in enumerate(zip(heights, panel.dots, strict=True)):
        if place % 2:
            ax.axhspan(height - 0.5, height + 0.5, color="#f2f4f6", zorder=0)
        if dot is None:
            continue
        if dot.stated is not None:
            ax.plot(dot.stated, height, MARK.marker, color=MARK.colour, markersize=5, label="published")
        if not isnan(dot.value):
            inside = "white" if dot.hollow else dot.look.colour
            ax.errorbar(
                dot.value, height, xerr=None if isnan(dot.half) else dot.half, fmt=dot.look.marker, capsize=3,
                color=dot.look.colour, markerfacecolor=inside, markersize=6, label=dot.kind or None,
            )  # fmt: skip
        if dot.ringed:
            ring(ax, dot.value, height)
    ax.set_xlabel(panel.unit)
    ax.grid(axis="x", alpha=0.35)
    ax.tick_params(axis="y", length=0)
    ax.locator_params(axis="x", nbins=5)


def _say_beside(ax: Axes, panel: Panel, heights: Sequence[float]) -> None:
    right = ax.secondary_yaxis("right")
    right.set_yticks(heights, [dot.text if dot else "" for dot in panel.dots], fontsize=9.5)
    right.tick_params(length=0)
