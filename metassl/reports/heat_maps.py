"""Draws numbers as grids of coloured cells: a row a model, a column an SSL objective."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metassl.errors import printable
from metassl.reports.drawing import label, new_figure, save_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MISSING = "#c8c8c8"


@dataclass(frozen=True)
class HeatMap:
    """One grid of numbers.

    Attributes:
        values: [rows, columns], nan where there is none.
        title: says what they are, with their unit.
        signed: whether the colours diverge around 0; else they brighten to where it is better.
        decimals: how a number is written, as format() has it.
        noise: differences of this size are small, and get no colours of a large one.
        higher: whether more is better.
    """

    values: NDArray[np.float64]
    title: str
    signed: bool
    decimals: str
    noise: float
    higher: bool = True


def draw_heat_maps(
    rows: Sequence[str],
    columns: Sequence[str],
    maps: Sequence[HeatMap],
    path: Path,
    title: str,
    finished: set[tuple[str, str]],
) -> None:
    """Writes a PNG file with a panel for each heat map; wide ones go below one another, to stay legible.

    Args:
        rows, columns: their names.
        maps: the panels.
        path: of the file.
        title: of the picture.
        finished: the (row, column) that have a finished run. Hatched cells marked × have none, hatched cells
            marked – no value.
    """
    names, heads = list(map(label, rows)), [label(printable(column)) for column in columns]
    beside = len(columns) <= 5
    lines = max(name.count("\n") + 1 for name in names)
    longest = max(len(line) for name in names for line in name.split("\n"))
    width, height = 2.9 + (1.15 if beside else 0.85) * len(columns), 1.9 + (0.35 + 0.3 * lines) * len(rows)
    shape = (1, len(maps)) if beside else (len(maps), 1)
    width, height = width * shape[1] + 0.08 * max(0, longest - 16), height * shape[0]
    figure = new_figure(width, height + 0.05 * shape[0] * max(0, max(map(len, heads)) - 16))
    axes = figure.subplots(*shape, squeeze=False).ravel()
    for ax, heat_map in zip(axes, maps, strict=True):
        _draw(ax, rows, columns, heat_map, finished)
        ax.tick_params(labelleft=not beside or ax is axes[0])
        ax.set_ylabel("model" if not beside or ax is axes[0] else "")
    figure.suptitle(label(title))
    if any(np.isnan(heat_map.values).any() for heat_map in maps):
        figure.supxlabel("hatched: × no finished run, – no value", fontsize="small")
    save_png(figure, path)


def _draw(
    ax: Axes, rows: Sequence[str], columns: Sequence[str], heat_map: HeatMap, finished: set[tuple[str, str]]
) -> None:
    from matplotlib import colormaps
    from matplotlib.colors import Normalize
    from matplotlib.patches import Rectangle

    values, signed = heat_map.values, heat_map.signed
    known = values[np.isfinite(values)]
    reach = max(heat_map.noise, float(np.abs(known).max()))
    margin = heat_map.noise / 2
    low, high = (-reach, reach) if signed else (float(known.min()) - margin, float(known.max()) + margin)
    bright = "viridis" if heat_map.higher else "viridis_r"
    colours = colormaps["RdBu" if signed else bright].with_extremes(bad=MISSING)
    norm = Normalize(low, high)
    image = ax.imshow(np.ma.masked_invalid(values), cmap=colours, norm=norm, aspect="auto")
    for (i, j), value in np.ndenumerate(values):
        if np.isnan(value):
            ax.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, hatch="//", edgecolor="#b0b0b0"))
        absent = "–" if (rows[i], columns[j]) in finished else "×"
        text = absent if np.isnan(value) else f"{value:{'+' if signed else ''}{heat_map.decimals}}"
        dark = not np.isnan(value) and _luminance(colours(norm(value))) < 0.45
        ax.text(j, i, text, ha="center", va="center", color="white" if dark else "black")
    _label(ax, list(map(label, rows)), [label(printable(column)) for column in columns])
    ax.set(title=heat_map.title, xlabel="ssl")
    ax.figure.colorbar(image, ax=ax)


def _label(ax: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    """Names the rows and columns, and keeps neighbours of nearly the same colour apart by white gaps."""
    ax.set_xticks(np.arange(1, len(columns)) - 0.5, minor=True)
    ax.set_yticks(np.arange(1, len(rows)) - 0.5, minor=True)
    ax.grid(which="minor", color="white", linewidth=1.5)
    ax.tick_params(which="minor", length=0)
    slanted = max(map(len, columns)) > 9
    ax.set_xticks(range(len(columns)), columns)
    ax.tick_params(axis="x", rotation=30 if slanted else 0)
    for tick in ax.get_xticklabels():
        tick.set(ha="right" if slanted else "center", rotation_mode="anchor" if slanted else "default")
    ax.set_yticks(range(len(rows)), rows)


def _luminance(rgba: tuple[float, ...]) -> float:
    return 0.299 * rgba[0] + 0.587 * rgba[1] + 0.114 * rgba[2]
