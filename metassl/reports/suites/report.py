"""A suite's report: published against ours, as Markdown, as HTML, and as plots."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from metassl.errors import DataError
from metassl.experiments.suites.suite import Suite, Table
from metassl.files import write_atomically
from metassl.outcomes.scores import ACCURACY, KNOWN, Score, score_named
from metassl.reports.blocks import Block, Heading, Lines, Paragraph, Picture, html_page, markdown_page
from metassl.reports.suites.plots import draw_table
from metassl.reports.suites.protocol import protocol
from metassl.reports.suites.records import Records, read_records
from metassl.reports.suites.tables import is_compared, verdicts_table
from metassl.reports.suites.verdicts import Verdicts, verdict
from metassl.runs.read import deciding_score

Published = Mapping[str, Mapping[str, Any]]

NOTES = (
    "{score}. Ours: mean ± standard deviation over the seeds. Test: half width of the 95% interval "
    "over the test episodes, the mean of the seeds."
)
COMPARED = (
    "Difference: ours minus published, ± the half width of the 95% interval of our mean over the seeds "
    "(Student's t). Reproduced: the difference is within the tolerance; above, below: it is not."
)
REDUCED = Paragraph(
    ": fewer images than the data set has. The numbers compare with nothing published.", "Reduced data"
)
MEMORY = "† quoted from memory, not read in the source."


def write_suite_report(suite: Suite, published: Published, results: Path) -> tuple[str, list[Path]]:
    """Writes report.md, report.html and a plot for each table, beside the records.

    Args:
        suite: whose tables.
        published: experiment -> its `published` block.
        results: folder of the records.

    Returns:
        The Markdown and the paths.
    """
    results.mkdir(parents=True, exist_ok=True)
    records = read_records(results)
    score = _score(published, records, results)
    tables = [(table, _verdicts(table, published, records, score)) for table in suite.tables]
    compared = any(is_compared(table, verdicts) for table, verdicts in tables)
    reduced = any(found.reduced for _, verdicts in tables for found in verdicts.values())
    notes = NOTES.format(score=f"{score.opening} in %" if score.percent else score.opening)
    notes = f"{notes} {COMPARED}" if compared else notes
    blocks: list[Block] = [Heading(suite.title, 1), *([Paragraph(suite.about)] if suite.about else [])]
    blocks += [*([REDUCED] if reduced else []), Paragraph(notes)]
    pictures = []
    for number, (table, verdicts) in enumerate(tables):
        pictures.append(results / (f"plot{number}.png" if number else "plot.png"))
        draw_table(table, verdicts, pictures[-1], suite.title)
        blocks += [Heading(table.name)] if table.name else []
        blocks += [verdicts_table(table, verdicts), Picture(table.name, pictures[-1].name)]
    sources = _sources(suite, published, score)
    said = [MEMORY if "†" in markdown_page(blocks) else "", sources]
    blocks += [*(Paragraph(text) for text in said if text), Lines(protocol(records))]
    text = markdown_page(blocks)
    paths = [results / "report.md", results / "report.html", *pictures]
    for path, content in zip(paths, (text, html_page(suite.title, blocks)), strict=False):
        write_atomically(path, partial(Path.write_text, data=content, encoding="utf-8"))
    return text, paths


def _score(published: Published, records: Records, results: Path) -> Score:
    """The score of a suite's records, or of what is published. Raises DataError for two scores."""
    names = list(dict.fromkeys(deciding_score(cell) for cells in records.values() for cell in cells.values()))
    if len(names) > 1:
        raise DataError(f"{results}: found results by {' and by '.join(names)}, a suite has one score.")
    stated = [name for name in KNOWN if any(name in block for block in published.values())]
    return score_named(next(iter(names or stated), ACCURACY.name), results)


def _verdicts(table: Table, published: Published, records: Records, score: Score) -> Verdicts:
    return {
        (entry.row, entry.column): verdict(
            {} if entry.words else published[entry.experiment],  # of another test nothing is published
            records.get((table.name, entry.row, entry.column), {}),
            score,
        )
        for entry in table.entries
    }


def _sources(suite: Suite, published: Published, score: Score) -> str:
    stated = [published[entry.experiment] for entry in suite.entries if not entry.words]
    lines = dict.fromkeys(
        f"Published: {s['source']} (over {s.get('over', 'episodes')}; tolerance {s['tolerance']})"
        for s in stated
        if s.get(score.name) is not None
    )
    return "; ".join(lines)
