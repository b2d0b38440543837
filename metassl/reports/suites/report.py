"""A suite's report: published against ours, as Markdown, as HTML, and as plots."""

from collections.abc import Mapping
from functools import partial
from math import isnan
from pathlib import Path
from typing import Any

from metassl.experiments.suites.suite import Suite, Table
from metassl.files import write_atomically
from metassl.reports.groups import NOTHING, distinct
from metassl.reports.suites.page import page
from metassl.reports.suites.plots import draw
from metassl.reports.suites.records import Record, read_records
from metassl.reports.suites.verdicts import Verdict, verdict

Published = Mapping[str, Mapping[str, Any]]
Cells = dict[tuple[str, str], Verdict]

NOTES = (
    "Accuracy in %. Ours: mean ± standard deviation over the seeds. Test: half width of the 95% interval "
    "over the test episodes, the mean of the seeds."
)
COMPARED = (
    "Difference: ours minus published, ± the half width of the 95% interval of our mean over the seeds "
    "(Student's t). Reproduced: the difference is within the tolerance; above, below: it is not."
)
REDUCED = "**Reduced data**: fewer images than the data set has. The numbers compare with nothing published."
MEMORY = "† quoted from memory, not read in the source."


def write_suite_report(suite: Suite, published: Published, results: Path) -> tuple[str, list[Path]]:
    """report.md, report.html and a plot for each table, beside the records; the Markdown and the paths.

    Args:
        suite: whose tables.
        published: experiment -> its `published` block.
        results: folder of the records.
    """
    results.mkdir(parents=True, exist_ok=True)
    records = read_records(results)
    tables = [(table, _verdicts(table, published, records)) for table in suite.tables]
    compared = any(_is_compared(table, cells) for table, cells in tables)
    reduced = any(found.reduced for _, cells in tables for found in cells.values())
    notes = f"{NOTES} {COMPARED}" if compared else NOTES
    parts = [f"# {suite.title}", suite.about, REDUCED if reduced else "", notes]
    pictures = []
    for number, (table, cells) in enumerate(tables):
        pictures.append(results / (f"plot{number}.png" if number else "plot.png"))
        draw(table, cells, pictures[-1], suite.title)
        heading = f"## {table.name}" if table.name else ""
        parts += [heading, _markdown_table(table, cells), f"![{table.name}]({pictures[-1].name})"]
    if any("†" in part for part in parts):
        parts.append(MEMORY)
    parts += [_sources(suite, published), f"```\n{_protocol(records)}\n```"]
    text = "\n\n".join(filter(None, parts)) + "\n"
    paths = [results / "report.md", results / "report.html", *pictures]
    for path, content in zip(paths, (text, page(suite.title, text)), strict=False):
        write_atomically(path, partial(Path.write_text, data=content, encoding="utf-8"))
    return text, paths


def _verdicts(table: Table, published: Published, records: Mapping[Any, Mapping[int, Record]]) -> Cells:
    return {
        (entry.row, entry.column): verdict(
            {} if entry.words else published[entry.experiment],  # of another test nothing is published
            records.get((table.name, entry.row, entry.column), {}),
        )
        for entry in table.entries
    }


def _is_compared(table: Table, cells: Cells) -> bool:
    return not table.axis and any(found.published is not None for found in cells.values())


def _markdown_table(table: Table, cells: Cells) -> str:
    """A line for each cell, or, where nothing is published, a line for each row."""
    if not _is_compared(table, cells):
        head = [table.axis or "", *table.columns]
        lines = [[row, *(_with_mark(table, cells, row, c) for c in table.columns)] for row in table.rows]
    else:
        head = ["", "", "published", "ours", "test", "difference", "seeds", "verdict"]
        lines = [[row, column, *_cell(found)] for (row, column), found in cells.items()]
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *lines))


def _cell(found: Verdict) -> list[str]:
    published = NOTHING if found.published is None else f"{found.published:.2f}{'' if found.read else '†'}"
    off = found.difference
    difference = NOTHING if off is None else f"{round(off, 2) + 0:+.2f}{_width(found.half_width)}"
    test = NOTHING if isnan(found.ci) else f"± {found.ci:.2f}"
    return [published, _ours(found), test, difference, str(len(found.seeds)), found.word]


def _with_mark(table: Table, cells: Cells, row: str, column: str) -> str:
    """Ours; the best of a column in bold."""
    found, means = cells[row, column], [cells[other, column].mean for other in table.rows]
    text = _ours(found)
    if len(found.seeds) == 1:  # which have no spread
        text += f" (test ± {found.ci:.2f})"
    best = max((mean for mean in means if mean is not None), default=None)
    return f"**{text}**" if len(means) > 1 and best is not None and found.mean == best else text


def _ours(found: Verdict) -> str:
    return NOTHING if found.mean is None else f"{found.mean:.2f}{_width(found.spread)}"


def _width(width: float) -> str:
    return "" if isnan(width) else f" ± {width:.2f}"


def _sources(suite: Suite, published: Published) -> str:
    stated = [published[e.experiment] for table in suite.tables for e in table.entries if not e.words]
    lines = dict.fromkeys(
        f"Published: {s['source']} (over {s.get('over', 'episodes')}; tolerance {s['tolerance']})"
        for s in stated
        if s.get("accuracy") is not None
    )
    return "; ".join(lines)


def _protocol(records: Mapping[Any, Mapping[int, Record]]) -> str:
    """What the runs had, the distinct values where they differ."""
    cells = [cell for found in records.values() for cell in found.values()]
    facts = {
        "split": "split", "test episodes": "episodes", "way": "way", "shot": "shot",
        "queries a class": "queries", "unlabelled a class (M)": "unlabelled",
        "distractor classes": "distractors", "share of labels in training": "label_ratio", "norm": "norm",
        "transductive": "transductive", "steps": "steps", "tasks a step": "tasks", "precision": "precision",
        "hardware": "hardware", "python": "python",
    }  # fmt: skip
    lines = [f"{name}: {distinct(cell[key] for cell in cells)}" for name, key in facts.items()]
    packages = distinct(", ".join(f"{k} {v}" for k, v in cell["packages"].items()) for cell in cells)
    commits = distinct(_commit(cell) for cell in cells)
    minutes = sorted(cell["training_seconds"] / 60 for cell in cells)
    if minutes:
        lines.append(f"minutes of a training: {minutes[0]:.0f} to {minutes[-1]:.0f}")
    return "\n".join([*lines, f"packages: {packages}", f"commits: {commits}"])


def _commit(cell: Record) -> str:
    return f"{str(cell['commit']['revision'])[:7]}{' with changes' if cell['commit']['dirty'] else ''}"
