"""Draws the groups of a report as dots with their intervals, a line each."""

from collections.abc import Sequence
from math import inf
from pathlib import Path

from metassl.evaluation.intervals import shown
from metassl.reports.dots import Dot, Panel, draw_dots
from metassl.reports.looks import Look, look_of
from metassl.reports.sweeps.comparisons import Comparison
from metassl.reports.sweeps.protocol import best_of_each_setting
from metassl.reports.sweeps.seed_groups import SeedGroup, score
from metassl.reports.sweeps.words import interval_words

MOST = 40  # lines


def draw_dot_plot(
    groups: Sequence[SeedGroup], compared: Sequence[Comparison], path: Path, title: str
) -> bool:
    """Writes a PNG file; of many groups the best on validation, in the order of their jobs.

    Args:
        groups: finished ones, of one outcome.
        compared: with the best; a dot that differs from it after correction is hollow.
        path: of the file.
        title: of the picture.
    """
    kept = _best(groups)
    best = {id(group) for group in best_of_each_setting(groups)}
    differ = {id(found.other) for found in compared if found.held}
    decides = groups[0].decides
    dots = [_dot(group, id(group) in best, id(group) in differ) for group in kept]
    notes = [interval_words(kept)]
    notes += (
        ["hollow, *: differs from the best, paired by episode, after Holm's correction"] if differ else []
    )
    notes += [f"the {len(kept)} best on validation of {len(groups)}"] if len(kept) < len(groups) else []
    draw_dots(
        [group.label for group in kept], [Panel("", decides.test_label, dots)], path, title, "; ".join(notes)
    )
    return True


def _dot(group: SeedGroup, best: bool, differs: bool) -> Dot | None:
    decides, found = group.decides, score(group, group.decides.name)
    if found is None:
        return None
    own = look_of(group.model, group.ssl)
    return Dot(
        decides.factor * found.mean,
        Look(own.colour, "", own.marker),
        decides.factor * found.half_width,
        hollow=differs,
        ringed=best,
        text=f"{shown(decides, found)}{' *' if differs else ''}",
    )


def _best(groups: Sequence[SeedGroup]) -> list[SeedGroup]:
    if len(groups) <= MOST:
        return list(groups)

    def better(group: SeedGroup) -> float:
        found = score(group, "validation")
        return -inf if found is None else group.decides.improvement(found.mean)

    return sorted(groups, key=better, reverse=True)[:MOST]
