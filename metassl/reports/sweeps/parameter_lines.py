"""Draws the groups of a report against a number that was swept."""

from collections.abc import Sequence
from math import isfinite
from pathlib import Path

from metassl.reports.lines import Line, draw_lines
from metassl.reports.looks import Look
from metassl.reports.sweeps.axes import Axis
from metassl.reports.sweeps.group_looks import METHOD, looks_of
from metassl.reports.sweeps.protocol import best_of_each_setting
from metassl.reports.sweeps.seed_groups import SeedGroup, score
from metassl.reports.sweeps.words import interval_words

MOST_LINES = 7


def draw_parameter_lines(
    groups: Sequence[SeedGroup], along: Axis, other: Axis | None, path: Path, title: str
) -> bool:
    """Writes a PNG file, or says False where nothing is known.

    Args:
        groups: finished ones.
        along: the number.
        other: a line for each of its values; None for one line.
        path: of the file.
        title: of the picture.
    """
    if not groups:
        return False
    best = best_of_each_setting(groups)
    members = [_members(groups, along, other, value) for value in (other.values if other else ("",))]
    members = [found for found in members if found]
    looks = looks_of([found[0] for found in members], [other] if other else [])
    lines = [_line(*parts, along, other, best) for parts in zip(members, looks, strict=True)]
    if not lines:
        return False
    draw_lines(lines, path, title, (along.key, groups[0].decides.test_label), interval_words(groups))
    return True


def _members(groups: Sequence[SeedGroup], along: Axis, other: Axis | None, value: str) -> list[SeedGroup]:
    """The groups of a line, in its order."""
    found = [group for group in groups if other is None or other.of(group) == value]
    return sorted((group for group in found if _known(group)), key=along.number)


def _known(group: SeedGroup) -> bool:
    found = score(group, group.decides.name)
    return found is not None and isfinite(found.mean)


def _line(
    groups: Sequence[SeedGroup], look: Look, along: Axis, other: Axis | None, best: Sequence[SeedGroup]
) -> Line:
    first = groups[0]
    if other is None:
        name = f"{first.model} + {first.ssl}"
    else:
        name = other.of(first) if other.key in METHOD else f"{other.key}={other.of(first)}"
    found = [interval for group in groups if (interval := score(group, group.decides.name))]
    factor = first.decides.factor
    return Line(
        name,
        look,
        [along.number(group) for group in groups],
        [factor * interval.mean for interval in found],
        [factor * interval.half_width for interval in found],
        [place for place, group in enumerate(groups) if group in best],
    )
