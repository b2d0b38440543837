"""Grids of numbers as coloured cells, in a PNG file.

Matplotlib is imported inside the functions, so that importing this module costs nothing, and its
`Figure` is used directly: no pyplot, no global state, no display.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metassl.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]
Panel = tuple[Array, str, bool]  # values [rows, columns], title, whether its colours diverge around 0

MISSING = "#c8c8c8"
DPI = 150


def draw_grids(
    rows: Sequence[str],
    columns: Sequence[str],
    panels: Sequence[Panel],
    path: Path,
    title: str,
    finished: set[tuple[str, str]],
) -> None:
    """One panel for each set of values; wide grids go below one another, to keep the cells legible.

    Hatched cells marked × have no finished run, hatched cells marked – no value.
    """
    beside = len(columns) <= 5
    lines = max(row.count("\n") + 1 for row in rows)
    size = (2.9 + (1.15 if beside else 0.85) * len(columns), 1.9 + (0.35 + 0.3 * lines) * len(rows))
    shape = (1, len(panels)) if beside else (len(panels), 1)
    drawn = figure(size, shape)
    axes = drawn.subplots(*shape, squeeze=False).ravel()
    for ax, (values, name, diverging) in zip(axes, panels, strict=True):
        _grid(ax, rows, columns, values, name, diverging, finished)
        ax.tick_params(labelleft=not beside or ax is axes[0])
        ax.set_ylabel("model" if not beside or ax is axes[0] else "")
    drawn.suptitle(title)
    if any(np.isnan(values).any() for values, _, _ in panels):
        drawn.supxlabel("hatched: × no finished run, – no value", fontsize="small")
    save(drawn, path)


def figure(panel: tuple[float, float], shape: tuple[int, int]) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(panel[0] * shape[1], panel[1] * shape[0]), layout="constrained")


def save(drawn: Figure, path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(drawn)
    # The format is named, because the temporary file's name doesn't end in .png.
    write_atomically(path, lambda temporary: drawn.savefig(temporary, format="png", dpi=DPI))


def _grid(
    ax: Axes,
    rows: Sequence[str],
    objectives: Sequence[str],
    values: Array,
    name: str,
    diverging: bool,
    finished: set[tuple[str, str]],
) -> None:
    from matplotlib import colormaps
    from matplotlib.colors import Normalize
    from matplotlib.patches import Rectangle

    known = values[np.isfinite(values)]
    # Two points at least, so that noise around 0 doesn't get the colours of a large effect.
    reach = max(2.0, float(np.abs(known).max()))
    low, high = (-reach, reach) if diverging else (float(known.min()) - 1, float(known.max()) + 1)
    colours = colormaps["RdBu" if diverging else "viridis"].with_extremes(bad=MISSING)
    norm = Normalize(low, high)
    image = ax.imshow(np.ma.masked_invalid(values), cmap=colours, norm=norm, aspect="auto")
    for (i, j), value in np.ndenumerate(values):
        if np.isnan(value):
            ax.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, hatch="//", edgecolor="#b0b0b0"))
        absent = "–" if (rows[i], objectives[j]) in finished else "×"
        text = absent if np.isnan(value) else f"{value:{'+' if diverging else ''}.1f}"
        dark = not np.isnan(value) and _luminance(colours(norm(value))) < 0.45
        ax.text(j, i, text, ha="center", va="center", color="white" if dark else "black")
    # White gaps keep neighbours of nearly the same colour apart.
    ax.set_xticks(np.arange(1, len(objectives)) - 0.5, minor=True)
    ax.set_yticks(np.arange(1, len(rows)) - 0.5, minor=True)
    ax.grid(which="minor", color="white", linewidth=1.5)
    ax.tick_params(which="minor", length=0)
    slanted = max(map(len, objectives)) > 9
    ax.set_xticks(range(len(objectives)), objectives)
    ax.tick_params(axis="x", rotation=30 if slanted else 0)
    for label in ax.get_xticklabels():
        label.set(ha="right" if slanted else "center", rotation_mode="anchor" if slanted else "default")
    ax.set_yticks(range(len(rows)), rows)
    ax.set(title=name, xlabel="ssl")
    ax.figure.colorbar(image, ax=ax)


def _luminance(rgba: tuple[float, ...]) -> float:
    return 0.299 * rgba[0] + 0.587 * rgba[1] + 0.114 * rgba[2]
