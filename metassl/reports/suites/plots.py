"""Draws a suite's tables: dots, published beside ours, or lines along an axis."""

from collections.abc import Mapping
from math import isnan, nan
from pathlib import Path

from metassl.experiments.suites.suite import Table
from metassl.reports.dots import Dot, Panel, draw_dots
from metassl.reports.lines import Line, draw_lines
from metassl.reports.looks import COLOURS, Look, numbered_look
from metassl.reports.suites.best import Best
from metassl.reports.suites.verdicts import Verdict, Verdicts

OURS = Look(COLOURS[0], "", "o")
LOOKS = {"reproduced": OURS, "above": Look(COLOURS[2], "", "^"), "below": Look(COLOURS[1], "", "v")}


def draw_table(table: Table, verdicts: Verdicts, best: Mapping[str, Best], path: Path, title: str) -> None:
    """Writes a PNG file: the score along the axis, or a panel for each column with a line for each row."""
    title = f"{title}: {table.name}" if table.name else title
    if table.axis:
        _lines(table, table.axis, verdicts, path, title)
    else:
        _dots(table, verdicts, best, path, title)


def _lines(table: Table, axis: str, verdicts: Verdicts, path: Path, title: str) -> None:
    lines = []
    for index, row in enumerate(table.rows):
        found = [
            (float(c), v.mean, _width(v)) for c in table.columns if (v := verdicts[row, c]).mean is not None
        ]
        if found:
            x, y, half = zip(*sorted(found), strict=True)
            lines.append(Line(row, numbered_look(index), x, y, half))
    label = next(iter(verdicts.values())).score.test_label
    draw_lines(lines, path, title, (axis, label), _note(verdicts))


def _dots(table: Table, verdicts: Verdicts, best: Mapping[str, Best], path: Path, title: str) -> None:
    panels = []
    for column in table.columns:
        found = [verdicts[row, column] for row in table.rows]
        chosen = best.get(column, Best("", frozenset()))
        dots = [_dot(v, row, chosen) for v, row in zip(found, table.rows, strict=True)]
        panels.append(Panel(column, found[0].score.label, dots))
    notes = [_note(verdicts)]
    if any(one.differ for one in best.values()):
        notes.append("hollow: differs from the best on validation after Holm's correction")
    draw_dots(table.rows, panels, path, title, "; ".join(notes))


def _dot(found: Verdict, row: str, best: Best) -> Dot | None:
    if found.mean is None and found.published is None:
        return None
    stated = found.published is not None
    kind = "" if not stated else f"ours: {found.word}" if found.word in LOOKS else "ours: not comparable"
    look = LOOKS.get(found.word, Look("#6b7280", "", "s") if stated else OURS)
    mean = nan if found.mean is None else found.mean
    hollow, ringed = row in best.differ, row == best.row
    return Dot(mean, look, _width(found), kind, hollow, ringed, stated=found.published)


def _width(found: Verdict) -> float:
    """Of the interval that is drawn: over seeds, or of a single one over its test episodes."""
    return found.ci if isnan(found.spread) else found.spread


def _note(verdicts: Verdicts) -> str:
    counts = sorted({len(found.seeds) for found in verdicts.values() if found.seeds})
    if not counts:
        return "nothing is run yet"
    one, more = "± 95% interval over the test episodes", "± standard deviation over the seeds"
    if counts[-1] == 1:
        return f"one seed, n = 1: {one}"
    seeds = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else str(counts[0])
    return f"mean over n = {seeds} seeds, {more}{f', of one seed {one}' if counts[0] == 1 else ''}"
