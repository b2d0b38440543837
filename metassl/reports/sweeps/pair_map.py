"""The map of pairs: accuracies, and gains over the supervised twin on the same episodes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from metassl.evaluation.intervals import Interval, shown
from metassl.files import write_atomically
from metassl.outcomes.scores import ACCURACY
from metassl.reports.heat_maps import draw_heat_maps
from metassl.reports.markdown import NOTHING, markdown_table
from metassl.reports.sweeps.comparisons import paired_difference
from metassl.reports.sweeps.protocol import protocol_line, task_title
from metassl.reports.sweeps.score_map import gain_words, mean_scores, score_maps
from metassl.reports.sweeps.sections import sections
from metassl.reports.sweeps.seed_groups import SeedGroup, rows_and_columns, score
from metassl.reports.sweeps.tables import failures_table
from metassl.runs.read import find_runs

TWIN = "none"
NOTE = (
    "{score}, mean over the seeds. Below it the gain over ssl=none of the same model{unit}, "
    "paired on the same test episodes, each averaged over the seeds, with a 95% interval over the "
    "episodes. Bold: the interval excludes 0. It leaves out how much other seeds would change."
)
Place = tuple[str, str]  # row, column


def write_pair_map(sweep: Path) -> list[Path]:
    """Writes map.md and map.png of a sweep's folder; returns their paths.

    Runs of different outcomes have a map each. Raises UserError for a broken folder.
    """
    runs = find_runs(sweep)
    text, pictures = [], []
    for section in sections(runs):
        groups = [group for group in section.groups if group.finished]
        title = task_title(section.runs)
        text += [f"# {title}", note(groups), pair_table(groups), protocol_line(section.runs)]
        picture = sweep / section.file("map.png")
        pictures += [picture] if _draw(groups, picture, title) else []
    failures = failures_table(runs, sweep)
    if failures:
        text += ["## Jobs without results", failures]
    report = sweep / "map.md"
    write_atomically(report, lambda path: path.write_text("\n\n".join(text) + "\n", encoding="utf-8"))
    return [report, *pictures]


def note(groups: Sequence[SeedGroup]) -> str:
    """What the numbers of a map are."""
    decides = groups[0].decides if groups else ACCURACY
    words = gain_words(decides)
    if decides.percent:
        return NOTE.format(score=f"{decides.opening} in %", unit=f" in {words}")
    return NOTE.format(score=decides.opening, unit=f" ({words})")


def pair_table(groups: Sequence[SeedGroup]) -> str:
    """The map as a Markdown table: a row a model, a column an objective."""
    rows, columns = _names(groups)
    cells = _by_place(groups)
    return markdown_table(
        ["model", *columns], [[row, *(_cell(cells, row, column) for column in columns)] for row in rows]
    )


def gain_over_twin(cells: dict[Place, SeedGroup], row: str, column: str) -> Interval | None:
    """How much better a cell is than the same model with ssl=none; None where either is missing."""
    cell, twin = cells.get((row, column)), cells.get((row, TWIN))
    if cell is None or twin is None or column == TWIN:
        return None
    return paired_difference(cell, twin)


def _draw(groups: Sequence[SeedGroup], path: Path, title: str) -> bool:
    """Whether there is anything to draw."""
    if not groups:
        return False
    rows, columns = _names(groups)
    cells, decides = _by_place(groups), groups[0].decides
    found = [[gain_over_twin(cells, row, column) for column in columns] for row in rows]
    gains = np.array([[np.nan if gain is None else gain.mean for gain in line] for line in found])
    values = mean_scores(groups, decides.name, rows, columns)
    if not np.isfinite(values).any():
        return False
    maps = score_maps(decides, values, decides.factor * gains, f"gain over ssl={TWIN}")
    draw_heat_maps(rows, columns, maps, path, title, set(cells))
    return True


def _cell(cells: dict[Place, SeedGroup], row: str, column: str) -> str:
    group = cells.get((row, column))
    found = None if group is None else score(group, group.decides.name)
    if group is None or found is None:
        return NOTHING
    text = shown(group.decides, found).split(" ±")[0]
    gain = gain_over_twin(cells, row, column)
    if gain is None:
        return text
    amount = shown(group.decides, gain, True)
    return f"{text}<br>{f'**{amount}**' if gain.excludes_zero else amount}"


def _names(groups: Sequence[SeedGroup]) -> tuple[list[str], list[str]]:
    """Rows and columns, the twin first."""
    rows, columns = rows_and_columns(groups)
    return rows, sorted(columns, key=lambda name: name != TWIN)


def _by_place(groups: Sequence[SeedGroup]) -> dict[Place, SeedGroup]:
    return {(group.row, group.ssl): group for group in groups}
