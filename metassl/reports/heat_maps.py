"""Draws numbers as grids of coloured cells, over any two things that vary."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metassl.errors import printable
from metassl.reports.drawing import label, new_figure, save_png, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_BESIDE = 3  # columns of panels beside one another
MISSING = "#c8c8c8"
Place = tuple[str, str]  # row and column


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
        half: [rows, columns] half widths of their intervals, written below them.
        starred: the cells with a star behind the number.
        framed: the cells that stand out.
    """

    values: NDArray[np.float64]
    title: str
    signed: bool
    decimals: str
    noise: float
    higher: bool = True
    half: NDArray[np.float64] | None = None
    starred: Collection[Place] = ()
    framed: Collection[Place] = ()

    def text(self, i: int, j: int, place: Place) -> str:
        """What is written into a cell."""
        number = f"{self.values[i, j]:{'+' if self.signed else ''}{self.decimals}}"
        star = "*" if place in self.starred else ""
        if self.half is None or np.isnan(self.half[i, j]):
            return number + star
        return f"{number}{star}\n± {self.half[i, j]:{self.decimals}}"


@dataclass(frozen=True)
class Sides:
    """What the rows and the columns of a heat map are: their names, and what each is a value of."""

    rows: Sequence[str]
    columns: Sequence[str]
    down: str = "model"
    along: str = "ssl"


def draw_heat_maps(
    sides: Sides, maps: Sequence[HeatMap], path: Path, title: str, finished: set[Place], note: str = ""
) -> None:
    """Writes a PNG file with a panel for each heat map; wide ones go below one another, to stay legible.

    Args:
        sides: rows and columns.
        maps: the panels.
        path: of the file.
        title: of the picture.
        finished: the cells that have a finished run. Hatched cells marked × have none, hatched cells
            marked – no value.
        note: below it: what the numbers are over.
    """
    rows, columns = sides.rows, sides.columns
    names, heads = list(map(label, rows)), [label(printable(column)) for column in columns]
    beside = len(columns) <= MOST_BESIDE
    tall = any(heat_map.half is not None for heat_map in maps)
    lines = max(name.count("\n") + 1 for name in names)
    longest = max(len(line) for name in names for line in name.split("\n"))
    width, height = (
        2.9 + (1.15 if beside else 0.95) * len(columns),
        1.9 + _row_height(lines, tall) * len(rows),
    )
    shape = (1, len(maps)) if beside else (len(maps), 1)
    width, height = width * shape[1] + 0.08 * max(0, longest - 16), height * shape[0]
    figure = new_figure(width, height + 0.05 * shape[0] * max(0, max(map(len, heads)) - 16))
    axes = figure.subplots(*shape, squeeze=False).ravel()
    for ax, heat_map in zip(axes, maps, strict=True):
        _draw(ax, sides, heat_map, finished)
        ax.tick_params(labelleft=not beside or ax is axes[0])
        ax.set_ylabel(label(sides.down) if not beside or ax is axes[0] else "")
    figure.suptitle(wrapped(title, width - 0.3, 12))
    absent = any(np.isnan(heat_map.values).any() for heat_map in maps)
    notes = [note, "hatched: × no finished run, – no value" if absent else ""]
    figure.supxlabel(wrapped("; ".join(filter(None, notes)), width - 0.3, 9), fontsize="small")
    save_png(figure, path)


def _row_height(lines: int, tall: bool) -> float:
    return max(0.35 + 0.3 * lines, 0.72 if tall else 0.0)


def _draw(ax: Axes, sides: Sides, heat_map: HeatMap, finished: set[Place]) -> None:
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
        place = (sides.rows[i], sides.columns[j])
        if np.isnan(value):
            ax.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, hatch="//", edgecolor="#b0b0b0"))
        if place in heat_map.framed:
            frame = Rectangle((j - 0.46, i - 0.46), 0.92, 0.92, fill=False, edgecolor="black", linewidth=2.5)
            ax.add_patch(frame)
        text = ("–" if place in finished else "×") if np.isnan(value) else heat_map.text(i, j, place)
        dark = not np.isnan(value) and _luminance(colours(norm(value))) < 0.45
        weight = "bold" if place in heat_map.framed else "normal"
        size = 9.0 if "\n" in text else 10.0
        colour = "white" if dark else "black"
        ax.text(j, i, text, ha="center", va="center", color=colour, weight=weight, fontsize=size)
    _label(ax, list(map(label, sides.rows)), [label(printable(column)) for column in sides.columns])
    ax.set(title=heat_map.title, xlabel=label(sides.along))
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
