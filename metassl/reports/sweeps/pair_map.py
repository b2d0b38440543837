"""The map of pairs: accuracies, and gains over the supervised twin on the same episodes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from metassl.evaluation.intervals import Interval
from metassl.files import write_atomically
from metassl.reports.heat_maps import HeatMap, draw_heat_maps
from metassl.reports.markdown import NOTHING, markdown_table
from metassl.reports.sweeps.comparisons import paired_difference
from metassl.reports.sweeps.protocol import protocol_line, task_title
from metassl.reports.sweeps.score_map import mean_scores
from metassl.reports.sweeps.seed_groups import SeedGroup, group_runs, rows_and_columns, score
from metassl.reports.sweeps.tables import failures_table
from metassl.runs.read import find_runs

TWIN = "none"
NOTE = (
    "Accuracy in %, mean over the seeds. Below it the gain over ssl=none of the same model in percentage "
    "points, paired on the same test episodes, each averaged over the seeds, with a 95% interval over the "
    "episodes. Bold: the interval excludes 0. It leaves out how much other seeds would change."
)
Place = tuple[str, str]  # row, column


def write_pair_map(sweep: Path) -> list[Path]:
    """Writes map.md and map.png of a sweep's folder; returns their paths.

    Raises UserError for a broken folder.
    """
    runs = find_runs(sweep)
    groups = [group for group in group_runs(runs) if group.finished]
    text = [f"# {task_title(runs)}", NOTE, pair_table(groups), protocol_line(runs)]
    failures = failures_table(runs, sweep)
    if failures:
        text += ["## Jobs without results", failures]
    report, picture = sweep / "map.md", sweep / "map.png"
    write_atomically(report, lambda path: path.write_text("\n\n".join(text) + "\n", encoding="utf-8"))
    if groups:
        _draw(groups, picture, task_title(runs))
    return [report, picture] if groups else [report]


def pair_table(groups: Sequence[SeedGroup]) -> str:
    """The map as a Markdown table: a row a model, a column an objective."""
    rows, columns = _names(groups)
    cells = _by_place(groups)
    return markdown_table(
        ["model", *columns], [[row, *(_cell(cells, row, column) for column in columns)] for row in rows]
    )


def gain_over_twin(cells: dict[Place, SeedGroup], row: str, column: str) -> Interval | None:
    """Accuracy of a cell minus that of the same model with ssl=none; None where either is missing."""
    cell, twin = cells.get((row, column)), cells.get((row, TWIN))
    if cell is None or twin is None or column == TWIN:
        return None
    return paired_difference(cell, twin)


def _draw(groups: Sequence[SeedGroup], path: Path, title: str) -> None:
    rows, columns = _names(groups)
    cells = _by_place(groups)
    maps = [HeatMap(mean_scores(groups, "accuracy", rows, columns), "test accuracy (%)", signed=False)]
    found = [[gain_over_twin(cells, row, column) for column in columns] for row in rows]
    gains = np.array([[np.nan if gain is None else 100 * gain.mean for gain in line] for line in found])
    if not np.isnan(gains).all():
        maps.append(HeatMap(gains, f"gain over ssl={TWIN} (percentage points)", signed=True))
    draw_heat_maps(rows, columns, maps, path, title, set(cells))


def _cell(cells: dict[Place, SeedGroup], row: str, column: str) -> str:
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


def _names(groups: Sequence[SeedGroup]) -> tuple[list[str], list[str]]:
    """Rows and columns, the twin first."""
    rows, columns = rows_and_columns(groups)
    return rows, sorted(columns, key=lambda name: name != TWIN)


def _by_place(groups: Sequence[SeedGroup]) -> dict[Place, SeedGroup]:
    return {(group.row, group.ssl): group for group in groups}
