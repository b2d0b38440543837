"""Draws what a run's learner makes of a few test tasks that are curves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from metassl.outcomes.scores import Score
from metassl.reports.drawing import new_figure, save_png
from metassl.reports.fitted_tasks import FittedTask, fitted_tasks
from metassl.reports.looks import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TASKS, COLUMNS = 6, 3
FITS = "fits.png"


def write_fits(config: DictConfig, folder: Path) -> Path:
    """Draws the first test tasks of a run, fitted with U and without, into its folder; the picture's path.

    Raises UserError for a run whose tasks are no curves.

    Args:
        config: of the run.
        folder: of the run.
    """
    score, tasks = fitted_tasks(config, folder, TASKS)
    draw_fits(score, tasks, folder / FITS, f"{config.dataset.name}: the first {TASKS} test tasks")
    return folder / FITS


def draw_fits(score: Score, tasks: Sequence[FittedTask], path: Path, title: str) -> None:
    """Writes a PNG file with a panel a task: its curve through the queries, its points, the predictions.

    Args:
        score: which each panel's title gives of its predictions.
        tasks: to draw.
        path: of the file.
        title: of the picture.
    """
    rows = -(-len(tasks) // COLUMNS)
    figure = new_figure(4.0 * COLUMNS, 3.0 * rows + 0.8)
    axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for ax, task in zip(axes, tasks, strict=False):
        _draw(ax, task)
        ax.set_xlabel("x")
        ax.set_title(_scores(score, task), fontsize="medium")
    for ax in axes[len(tasks) :]:
        ax.set_visible(False)
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names))
    figure.suptitle(f"{title}; above each its {score.title}")
    save_png(figure, path)


def _draw(ax: Axes, task: FittedTask) -> None:
    x, y = task.queries.T
    ax.plot(x, y, color="#999999", linewidth=3, marker=".", label="queries: the true values")
    for index, (name, values) in enumerate(task.predictions.items()):
        ax.plot(x, values, color=COLOURS[index], linestyle=("-", "--")[index], label=name)
    ax.scatter(*task.support.T, color="black", zorder=3, label="support")
    if task.unlabelled.size:
        at_the_foot = ax.get_xaxis_transform()
        foot = [0.03] * task.unlabelled.size
        ax.scatter(
            task.unlabelled, foot, marker="|", color=COLOURS[2], transform=at_the_foot, label="unlabelled (x)"
        )
    ax.grid(alpha=0.3)


def _scores(score: Score, task: FittedTask) -> str:
    """Such as 'mse 0.21 with U, 0.25 without U'; 'mse 0.21' of a single prediction."""
    values = {name: f"{score.factor * value:.3g}" for name, value in task.scores.items()}
    parts = [f"{text} {name}" for name, text in values.items()] if len(values) > 1 else values.values()
    return f"{score.name} {', '.join(parts)}"
