"""Draws numbers with their intervals against a parameter."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from metassl.reports.drawing import BEST, LEGEND, new_figure, ring, save_png, wrapped
from metassl.reports.looks import Look

WIDTH = 8.6


@dataclass(frozen=True)
class Line:
    """A line: its values, and the half widths of their intervals (nan for none), at ascending places.

    `best` numbers the points that stand out.
    """

    name: str
    look: Look
    x: Sequence[float]
    y: Sequence[float]
    half: Sequence[float]
    best: Sequence[int] = ()


def draw_lines(lines: Sequence[Line], path: Path, title: str, axes: tuple[str, str], note: str) -> None:
    """Writes a PNG file.

    Args:
        lines: each with a point at least.
        path: of the file.
        title: of the picture.
        axes: what x and y are.
        note: below it: what the intervals are, over how many.
    """
    figure = new_figure(WIDTH, 4.8)
    ax = figure.subplots()
    x = sorted({value for line in lines for value in line.x})
    scale = spacing(x)
    for index, line in enumerate(lines):
        shifted = _beside(line.x, index - (len(lines) - 1) / 2, scale, x)
        half = np.nan_to_num(np.asarray(line.half))
        look = line.look
        ax.errorbar(
            shifted, line.y, half, color=look.colour, linestyle=look.style, marker=look.marker, capsize=3,
            label=wrapped(line.name, LEGEND, 8.5),
        )  # fmt: skip
        for k in line.best:
            ring(ax, shifted[k], line.y[k])
    if scale == "symlog":
        ax.set_xscale("symlog", linthresh=min(value for value in x if value > 0))
    else:
        ax.set_xscale(scale)
    if len(x) <= 12:
        ax.set_xticks(x, [f"{value:g}" for value in x], rotation=0 if len(x) <= 8 else 35)
        ax.set_xticks([], minor=True)
    ax.set(xlabel=wrapped(axes[0], WIDTH - 3), ylabel=wrapped(axes[1], 4))
    ax.grid(alpha=0.3)
    handles = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    named = [wrapped(line.name, LEGEND, 8.5) for line in lines] + ([BEST] if BEST in handles else [])
    if len(named) > 1:
        legend = [handles[name] for name in named]
        figure.legend(legend, named, loc="outside right upper", fontsize="small")
    ax.set_title(wrapped(title, WIDTH - 2.6, 12), fontsize="large")
    figure.supxlabel(wrapped(note, WIDTH - 0.3, 9), fontsize="small")
    save_png(figure, path)


def spacing(values: Sequence[float]) -> str:
    """How an axis shows these ascending numbers: 'linear', 'log', or 'symlog' with a 0 before them."""
    above = [value for value in values if value > 0]
    if len(above) < 3 or values[0] < 0 or above[-1] / above[0] < 8:
        return "linear"
    steps, factors = np.diff(above), np.diff(np.log(above))
    uneven = float(steps.std() / steps.mean()), float(factors.std() / factors.mean())
    if uneven[1] >= uneven[0]:
        return "linear"
    return "log" if len(above) == len(values) else "symlog"


def _beside(x: Sequence[float], place: float, scale: str, shown: Sequence[float]) -> list[float]:
    """The places, a little to the side, so that the intervals of several lines don't hide one another."""
    if len(shown) < 2 or scale == "symlog":
        return list(x)
    if scale == "log":
        return [value * (shown[-1] / shown[0]) ** (0.006 * place) for value in x]
    return [value + 0.006 * place * (shown[-1] - shown[0]) for value in x]
