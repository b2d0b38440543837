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

from metassl.evaluation.groups import Group, score
from metassl.evaluation.runs import Series
from metassl.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

# Okabe and Ito's colours, which stay apart under every common colour blindness; yellow is left out
# because it vanishes on white. Line styles take over after the seventh.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
STYLES = ("-", "--", ":", "-.")
MISSING = "#c8c8c8"
DPI = 150


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
    height, width = accuracy.shape
    beside = width <= 5  # wide grids go below one another, to keep the cells legible
    size = (2.9 + 1.15 * width, 1.9 + (0.35 + 0.3 * _lines(groups)) * height)
    figure = _figure(size, (1, len(panels)) if beside else (len(panels), 1))
    axes = figure.subplots(*((1, len(panels)) if beside else (len(panels), 1)), squeeze=False).ravel()
    for ax, (values, name, diverging) in zip(axes, panels, strict=True):
        _grid(ax, groups, values, name, diverging)
        ax.tick_params(labelleft=not beside or ax is axes[0])
        ax.set_ylabel("model" if not beside or ax is axes[0] else "")
    figure.suptitle(title)
    if any(np.isnan(values).any() for values, _, _ in panels):
        figure.supxlabel("hatched: × no finished run, – no value", fontsize="small")
    _save(figure, path)
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
    figure = _figure((3.2 * shape[1] + 2.0, 2.7 * shape[0] + 0.8), (1, 1))
    axes = figure.subplots(*shape, sharex=True, sharey=True, squeeze=False).ravel()
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
    figure.legend([handles[name] for name in shown], shown, loc="outside right upper", title="ssl")
    figure.suptitle(title)
    figure.supxlabel("training step (line: mean over seeds, band: lowest to highest seed)", fontsize="medium")
    figure.supylabel(f"{metric} (%)", fontsize="medium")
    _save(figure, path)
    return True


def _figure(panel: tuple[float, float], shape: tuple[int, int]) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(panel[0] * shape[1], panel[1] * shape[0]), layout="constrained")


def _save(figure: Figure, path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    # The format is named, because the temporary file's name doesn't end in .png.
    write_atomically(path, lambda temporary: figure.savefig(temporary, format="png", dpi=DPI))


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


def _lines(groups: Sequence[Group]) -> int:
    return max(group.row.count("\n") + 1 for group in groups)


def _grid(ax: Axes, groups: Sequence[Group], values: Array, name: str, diverging: bool) -> None:
    from matplotlib import colormaps
    from matplotlib.colors import Normalize
    from matplotlib.patches import Rectangle

    rows, objectives = _names(groups)
    finished = {(group.row, group.ssl) for group in groups if group.finished}
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
