"""The pictures of a look at one run.

Matplotlib is imported inside the functions, as everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metassl.evaluation.calibration import BINS
from metassl.reports.drawing import label, new_figure, save_png
from metassl.reports.look.gathered import LookedAt
from metassl.reports.looks import COLOURS, FAINT
from metassl.runs.curves import Curve


def draw_map(task: LookedAt, path: Path) -> None:
    """The first two principal components of a task's features, coloured by true class."""
    z = task.features - task.features.mean(0)
    flat = (
        np.linalg.svd(z, full_matrices=False)[0][:, :2] if min(z.shape) > 1 else np.pad(z, ((0, 0), (0, 2)))
    )
    axes = (figure := new_figure(6, 4.6)).subplots()
    ends = np.cumsum([len(part.y) for part in (task.support, task.unlabelled, task.query)])
    y = np.concatenate((task.support.y, task.unlabelled.y, task.query.y))
    kinds = (("S", "*", 190, 1.0), ("U", "o", 26, 0.55), ("Q", "s", 26, 0.9))
    for (kind, marker, size, alpha), low, high in zip(kinds, (0, *ends[:-1]), ends, strict=True):
        for place in (*range(len(task.names)), -1):
            own = np.arange(low, high)[y[low:high] == place]
            colour = FAINT if place < 0 else COLOURS[place % len(COLOURS)]
            edge = "black" if kind != "U" else "none"
            axes.scatter(
                flat[own, 0],
                flat[own, 1],
                marker=marker,
                s=size,
                c=colour,
                alpha=alpha,
                edgecolors=edge,
                linewidths=0.5,
            )
    for place, name in enumerate(task.names):
        axes.scatter([], [], c=COLOURS[place % len(COLOURS)], label=label(name))
    if (y < 0).any():
        axes.scatter([], [], c=FAINT, label="of none of them")
    axes.set(xlabel="first principal component", ylabel="second", xticks=[], yticks=[])
    axes.set_title("star: labelled, circle: unlabelled, square: query", fontsize=9)
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    save_png(figure, path)


def draw_reliability(sure: NDArray[Any], right: NDArray[Any], path: Path) -> None:
    """How many answers are right, by how sure they are."""
    place = np.minimum((sure * BINS).astype(int), BINS - 1)
    count = np.bincount(place, minlength=BINS)
    share = np.bincount(place, right.astype(float), BINS) / count.clip(min=1)
    axes = (figure := new_figure(4.6, 3.8)).subplots()
    middle = (np.arange(BINS) + 0.5) / BINS
    axes.plot([0, 1], [0, 1], color=FAINT, linestyle="--", label="as sure as right")
    axes.bar(middle, share, 0.9 / BINS, color=COLOURS[0], label="right")
    for x, height, n in zip(middle, share, count, strict=True):
        if n:
            axes.annotate(f"{n}", (x, height), ha="center", va="bottom", fontsize=6)
    axes.set(xlabel="probability of the answer", ylabel="share of right answers", xlim=(0, 1), ylim=(0, 1.08))
    axes.legend(fontsize=8, loc="upper left", frameon=False)
    save_png(figure, path)


def draw_worth(own: Sequence[float], other: Sequence[float], without: str, path: Path) -> None:
    """The score of each test task with unlabelled examples against that of `without`, which has none."""
    with_u, less = np.array(own), np.array(other)
    axes = (figure := new_figure(4.6, 3.8)).subplots()
    jitter = np.random.default_rng(0).normal(0, 0.004, (2, len(with_u)))
    axes.scatter(less + jitter[0], with_u + jitter[1], s=9, alpha=0.35, color=COLOURS[0])
    low, high = min(with_u.min(), less.min()), max(with_u.max(), less.max())
    axes.plot([low, high], [low, high], color=FAINT, linestyle="--")
    better, worse = float((with_u > less).mean()), float((with_u < less).mean())
    axes.set(xlabel=f"without unlabelled examples ({without})", ylabel="with them")
    axes.set_title(f"better on {better:.0%} of {len(with_u)} tasks, worse on {worse:.0%}", fontsize=9)
    save_png(figure, path)


def draw_distances(distances: NDArray[Any], scores: NDArray[Any], path: Path) -> None:
    """The score of each test task against how far it is from what is known."""
    axes = (figure := new_figure(4.6, 3.8)).subplots()
    axes.scatter(distances, scores, s=9, alpha=0.35, color=COLOURS[0])
    axes.set(xlabel="distance to the nearest", ylabel="share of right answers")
    if distances.min() > 0 and distances.max() > 30 * distances.min():
        axes.set_xscale("log")
    save_png(figure, path)


def draw_curves(curves: Mapping[str, Curve], score: str, path: Path) -> bool:
    """Validation and training score over the outer steps; False where neither was logged."""
    known = {name: curves[name] for name in (f"train/{score}", f"val/{score}") if name in curves}
    if not known:
        return False
    axes = (figure := new_figure(6, 3.2)).subplots()
    for (name, curve), colour in zip(known.items(), (FAINT, COLOURS[1]), strict=False):
        axes.plot(
            curve.steps, curve.values, color=colour, label=name, marker="." if len(curve.steps) < 20 else ""
        )
    axes.set(xlabel="outer step", ylabel=score)
    axes.legend(fontsize=8, frameon=False)
    save_png(figure, path)
    return True
