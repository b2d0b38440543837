"""A suite's verdicts as tables."""

from collections.abc import Mapping
from math import isnan

from metassl.experiments.suites.suite import Table
from metassl.reports.blocks import Grid
from metassl.reports.cells import Cell, Toned
from metassl.reports.markdown import NOTHING, Bold
from metassl.reports.suites.best import Best
from metassl.reports.suites.verdicts import Verdict, Verdicts


def is_compared(table: Table, verdicts: Verdicts) -> bool:
    """Whether anything is published that the table's numbers can stand beside."""
    return not table.axis and any(found.published is not None for found in verdicts.values())


def verdicts_table(table: Table, verdicts: Verdicts, best: Mapping[str, Best]) -> Grid:
    """A line for each cell, or, where nothing is published, for each row; the best of a column is bold."""
    if not is_compared(table, verdicts):
        rows = [[row, *(_with_mark(verdicts, row, c, best) for c in table.columns)] for row in table.rows]
        return Grid([table.axis or "", *table.columns], rows)
    head = ["", "", "published", "ours", "test", "difference", "seeds", "verdict"]
    return Grid(head, [[row, column, *_facts(v)] for (row, column), v in verdicts.items()])


def _facts(found: Verdict) -> list[Cell]:
    digits, stated = found.digits, found.published
    published = NOTHING if stated is None else f"{stated:.{digits}f}{'' if found.read else '†'}"
    off = found.difference
    shown = NOTHING if off is None else f"{round(off, digits) + 0:+.{digits}f}"
    difference = shown if off is None else shown + _width(found, found.half_width)
    test = NOTHING if isnan(found.ci) else f"± {found.ci:.{digits}f}"
    return [published, _ours(found), test, difference, str(len(found.seeds)), Toned(found.word, found.tone)]


def _with_mark(verdicts: Verdicts, row: str, column: str, best: Mapping[str, Best]) -> Cell:
    """Ours, with a star where it differs from the best of the column."""
    found = verdicts[row, column]
    text = _ours(found)
    if len(found.seeds) == 1 and not isnan(found.ci):  # which have no spread
        text += f" (test ± {found.ci:.{found.digits}f})"
    if column not in best:
        return text
    if row == best[column].row:
        return Bold(text)
    return f"{text} *" if row in best[column].differ else text


def _ours(found: Verdict) -> str:
    return NOTHING if found.mean is None else f"{found.mean:.{found.digits}f}{_width(found, found.spread)}"


def _width(found: Verdict, width: float) -> str:
    return "" if isnan(width) else f" ± {width:.{found.digits}f}"
