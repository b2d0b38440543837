"""The map of pairs: accuracies, and gains over the supervised twin on the same episodes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from metassl.evaluation.intervals import Interval
from metassl.files import write_atomically
from metassl.reports.comparisons import paired_difference
from metassl.reports.grids import draw_grids
from metassl.reports.groups import NOTHING, Group, group_runs, score
from metassl.reports.runs import find_runs
from metassl.reports.tables import failures_table, protocol, task

TWIN = "none"
NOTE = (
    "Accuracy in %, mean over the seeds. Below it the gain over ssl=none of the same model in percentage "
    "points, paired on the same test episodes, each averaged over the seeds, with a 95% interval over the "
    "episodes. Bold: the interval excludes 0. It leaves out how much other seeds would change."
)


def write_map(folder: Path) -> list[Path]:
    """map.md and map.png of a sweep's folder; returns their paths. Raises UserError for a broken folder."""
    runs = find_runs(folder)
    groups = [group for group in group_runs(runs) if group.finished]
    text = [f"# {task(runs)}", NOTE, map_table(groups), protocol(runs)]
    failures = failures_table(runs, folder)
    if failures:
        text += ["## Jobs without results", failures]
    report, picture = folder / "map.md", folder / "map.png"
    write_atomically(report, lambda path: path.write_text("\n\n".join(text) + "\n", encoding="utf-8"))
    if groups:
        _draw(groups, picture, task(runs))
    return [report, picture] if groups else [report]


def _draw(groups: Sequence[Group], path: Path, title: str) -> None:
    rows, columns = _names(groups)
    panels = [(_means(groups), "test accuracy (%)", False)]
    gains = _gains(groups)
    if not np.isnan(gains).all():
        panels.append((gains, f"gain over ssl={TWIN} (percentage points)", True))
    draw_grids(rows, columns, panels, path, title, {(g.row, g.ssl) for g in groups})


def map_table(groups: Sequence[Group]) -> str:
    """Markdown, a row a model, a column an objective."""
    rows, columns = _names(groups)
    cells = {(group.row, group.ssl): group for group in groups}
    lines = [["model", *columns], ["---"] * (1 + len(columns))]
    for row in rows:
        lines.append([row.replace("\n", " "), *(_cell(cells, row, column) for column in columns)])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def gain_over_twin(cells: dict[tuple[str, str], Group], row: str, column: str) -> Interval | None:
    """Accuracy of a cell minus that of the same model with ssl=none; None where either is missing."""
    cell, twin = cells.get((row, column)), cells.get((row, TWIN))
    if cell is None or twin is None or column == TWIN:
        return None
    return paired_difference(cell, twin)


def _cell(cells: dict[tuple[str, str], Group], row: str, column: str) -> str:
    group = cells.get((row, column))
    accuracy = None if group is None else score(group, "accuracy")
    if accuracy is None:
        return NOTHING
    text = f"{100 * accuracy.mean:.1f}"
    gain = gain_over_twin(cells, row, column)
    if gain is None:
        return text
    amount = gain.percent(signed=True)
    return f"{text}<br>{f'**{amount}**' if gain.excludes_zero else amount}"


def _names(groups: Sequence[Group]) -> tuple[list[str], list[str]]:
    """Rows and columns in the order of the first run, the twin first."""
    columns = list(dict.fromkeys(group.ssl for group in groups))
    return list(dict.fromkeys(group.row for group in groups)), sorted(columns, key=lambda name: name != TWIN)


def _means(groups: Sequence[Group]) -> np.ndarray:
    rows, columns = _names(groups)
    values = np.full((len(rows), len(columns)), np.nan)
    for group in groups:
        accuracy = score(group, "accuracy")
        if accuracy is not None:
            values[rows.index(group.row), columns.index(group.ssl)] = 100 * accuracy.mean
    return values


def _gains(groups: Sequence[Group]) -> np.ndarray:
    rows, columns = _names(groups)
    cells = {(group.row, group.ssl): group for group in groups}
    found = [[gain_over_twin(cells, row, column) for column in columns] for row in rows]
    return np.array([[np.nan if gain is None else 100 * gain.mean for gain in line] for line in found])
