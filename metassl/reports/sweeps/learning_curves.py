"""Draws how a metric went during the training of a sweep's runs, all in one panel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metassl.reports.drawing import label, new_figure, save_png, wrapped
from metassl.reports.looks import FAINT, Look
from metassl.reports.sweeps.axes import swept
from metassl.reports.sweeps.group_looks import looks_of
from metassl.reports.sweeps.seed_groups import SeedGroup, score
from metassl.runs.curves import Curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 10  # curves in colour
MOST_FAINT = 400
WIDTH = 8.6


@dataclass(frozen=True, eq=False)
class SeedCurves:
    """Curves of one group: steps, and [seeds, steps] values as people read them."""

    group: SeedGroup
    steps: NDArray[np.int64]
    values: NDArray[np.float64]


def draw_learning_curves(groups: Sequence[SeedGroup], path: Path, title: str) -> bool:
    """The validation score against the training step, a line a method, whose look is its own everywhere.

    A line is the mean over the seeds at the steps that all of them logged; the band runs from the lowest
    seed to the highest. Of many the best on validation have their colours and the others are grey. Returns
    False, and writes nothing, where no finished run logged the score.
    """
    finished = [group for group in groups if group.finished]
    curves = [curve for group in finished if (curve := _over_seeds(group)) is not None]
    if not curves:
        return False
    shown = _best(curves)
    decides = finished[0].decides
    figure = new_figure(WIDTH, 4.8)
    ax = figure.subplots()
    _draw_faint(ax, [curve for curve in curves if curve not in shown])
    looks = looks_of([curve.group for curve in shown], swept([curve.group for curve in curves]))
    for curve, look in zip(shown, looks, strict=True):
        _draw(ax, curve, look, _name(curve.group))
    ax.set(xlabel="training step", ylabel=f"val/{decides.name}{' (%)' if decides.percent else ''}")
    ax.grid(alpha=0.3)
    figure.legend(*ax.get_legend_handles_labels(), loc="outside right upper", fontsize="small")
    ax.set_title(wrapped(title, WIDTH - 2.6, 12), fontsize="large")
    figure.supxlabel(wrapped(_note(curves, shown), WIDTH - 0.3, 9), fontsize="small")
    save_png(figure, path)
    return True


def _best(curves: Sequence[SeedCurves]) -> list[SeedCurves]:
    """Those in colour, in their first order: of many the best of each method, or of the one method."""
    if len(curves) <= MOST:
        return list(curves)

    def better(curve: SeedCurves) -> float:
        found = score(curve.group, "validation")
        return -np.inf if found is None else curve.group.decides.improvement(found.mean)

    ordered = sorted(curves, key=better, reverse=True)
    methods: dict[tuple[str, str], SeedCurves] = {}
    for curve in ordered:
        methods.setdefault((curve.group.model, curve.group.ssl), curve)
    best = (list(methods.values()) if len(methods) > 1 else ordered)[:MOST]
    return [curve for curve in curves if curve in best]


def _note(curves: Sequence[SeedCurves], shown: Sequence[SeedCurves]) -> str:
    counts = sorted({len(curve.values) for curve in shown})
    seeds = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else str(counts[0])
    band = ", band: lowest to highest seed" if counts[-1] > 1 else ""
    line = f"line: mean over n = {seeds} seeds{band}" if counts[-1] > 1 else "line: the one seed, n = 1"
    left = len(curves) - len(shown)
    methods = len({(curve.group.model, curve.group.ssl) for curve in shown})
    best = "the best of each method" if methods > 1 else f"the {len(shown)} best"
    return f"{line}; in colour {best} on validation, in grey {left} others" if left else line


def _name(group: SeedGroup) -> str:
    return "\n".join([f"{group.model} + {group.ssl}", *(f"{key}={value}" for key, value in group.extra)])


def _over_seeds(group: SeedGroup) -> SeedCurves | None:
    """The group's curves at the steps that all the finished seeds logged."""
    metric = f"val/{group.decides.name}"
    found = [run.curves[metric] for run in group.finished if metric in run.curves]
    if not found:
        return None
    steps = reduce(np.intersect1d, (curve.steps for curve in found))
    values = group.decides.factor * np.stack([_at(curve, steps) for curve in found])
    return SeedCurves(group, steps, values) if steps.size else None


def _at(curve: Curve, steps: NDArray[np.int64]) -> NDArray[np.float64]:
    return curve.values[np.searchsorted(curve.steps, steps)]


def _draw_faint(ax: Axes, curves: Sequence[SeedCurves]) -> None:
    """Many lines at once, which a line each would take long for."""
    if not curves:
        return
    from matplotlib.collections import LineCollection

    lines = [np.column_stack([curve.steps, curve.values.mean(axis=0)]) for curve in curves[:MOST_FAINT]]
    ax.add_collection(LineCollection(lines, colors=FAINT, linewidths=0.6, alpha=0.35, zorder=1))
    ax.autoscale_view()


def _draw(ax: Axes, curve: SeedCurves, look: Look, name: str) -> None:
    marker = look.marker if curve.steps.size <= 12 else None  # one point alone draws no line
    middle, low, high = curve.values.mean(axis=0), curve.values.min(axis=0), curve.values.max(axis=0)
    (line,) = ax.plot(curve.steps, middle, look.style, color=look.colour, label=label(name))
    line.set(marker=marker, markersize=4)
    if len(curve.values) > 1:
        ax.fill_between(curve.steps, low, high, color=look.colour, alpha=0.13, linewidth=0)
