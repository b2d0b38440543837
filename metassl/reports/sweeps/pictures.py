"""Chooses the pictures of a section by what was swept, and says in words what each shows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from metassl.reports.blocks import Picture
from metassl.reports.sweeps.axes import Axis, swept
from metassl.reports.sweeps.comparisons import Comparison
from metassl.reports.sweeps.dot_plot import draw_dot_plot
from metassl.reports.sweeps.learning_curves import draw_learning_curves
from metassl.reports.sweeps.parameter_lines import MOST_LINES, draw_parameter_lines
from metassl.reports.sweeps.protocol import task_title
from metassl.reports.sweeps.score_map import draw_score_map, fits_a_map
from metassl.reports.sweeps.sections import Section
from metassl.reports.sweeps.seed_groups import SeedGroup


@dataclass(frozen=True)
class Wanted:
    """A picture: the name of its file, what it shows, and what draws it, which says whether it could."""

    file: str
    shows: str
    draw: Callable[[Path], bool]


def section_pictures(section: Section, compared: Sequence[Comparison], out: Path) -> list[Picture]:
    """Draws the pictures of a section into a folder; those that could be drawn.

    Args:
        section: of a report.
        compared: its comparisons, whose verdicts are marked.
        out: where the files go.
    """
    title = task_title(section.runs)
    found = []
    for wanted in _wanted(section.groups, compared, title):
        path = out / section.file(wanted.file)
        if wanted.draw(path):
            found.append(Picture(wanted.shows, path.name))
    return found


def _wanted(groups: Sequence[SeedGroup], compared: Sequence[Comparison], title: str) -> list[Wanted]:
    axes, done = swept(groups), [group for group in groups if group.finished]
    found = []
    if len(axes) > 1 and fits_a_map(groups, axes):
        draw = partial(draw_score_map, groups, axes, compared, title=title)
        found.append(Wanted("heatmap.png", f"Means by {_named(axes)}.", draw))
    lines = _as_lines(axes)
    if lines is not None:
        draw = partial(draw_parameter_lines, done, *lines, title=title)
        found.append(Wanted("line.png", f"Means with their intervals against {lines[0].key}.", draw))
    elif len(done) > 1:
        draw = partial(draw_dot_plot, done, compared, title=title)
        found.append(Wanted("intervals.png", "Means with their intervals, a line each.", draw))
    draw = partial(draw_learning_curves, groups, title=title)
    return [*found, Wanted("curves.png", "The validation score during training.", draw)]


def _as_lines(axes: Sequence[Axis]) -> tuple[Axis, Axis | None] | None:
    """The number that goes along and what makes the lines, where a picture has room for these."""
    numbers = [axis for axis in axes if axis.numbers]
    if len(axes) == 1 and numbers:
        return axes[0], None
    if len(axes) == 2 and numbers:
        along = max(numbers, key=lambda axis: len(axis.values))
        other = next(axis for axis in axes if axis is not along)
        return (along, other) if len(other.values) <= MOST_LINES else None
    return None


def _named(axes: Sequence[Axis]) -> str:
    names = [axis.key for axis in axes]
    return f"{', '.join(names[:-1])} and {names[-1]}"
