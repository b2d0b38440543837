"""A suite's report: published against ours, as Markdown, as HTML, and as plots."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metassl.errors import DataError
from metassl.experiments.suites.needed_runs import slug
from metassl.experiments.suites.suite import Suite, Table
from metassl.outcomes.scores import ACCURACY, KNOWN, Score, score_named
from metassl.reports.blocks import Block, Folded, Heading, Lines, Paragraph, Picture
from metassl.reports.pages import markdown_page, write_page
from metassl.reports.suites.best import Best, best_of_columns
from metassl.reports.suites.means import mean_records, with_mean
from metassl.reports.suites.plots import draw_table
from metassl.reports.suites.protocol import protocol
from metassl.reports.suites.records import Records, read_records
from metassl.reports.suites.tables import is_compared, verdicts_table
from metassl.reports.suites.verdicts import Verdicts, verdict
from metassl.reports.sweeps.tables import FEW
from metassl.runs.read import deciding_score
from metassl.shipped import suites_folder

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
BOLD = "Bold: the best of its column on validation classes; *: differs from it after Holm's correction at 5%."
NOTHING_BOLD = "Nothing is bold: there are rows without a stored validation to choose by."
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
    tables = [(with_mean(table), _verdicts(table, published, records, score)) for table in suite.tables]
    compared = any(is_compared(table, verdicts) for table, verdicts in tables)
    reduced = any(found.reduced for _, verdicts in tables for found in verdicts.values())
    notes = NOTES.format(score=f"{score.opening} in %" if score.percent else score.opening)
    notes = f"{notes} {COMPARED}" if compared else notes
    blocks: list[Block] = [Heading(suite.title, 1), *([Paragraph(suite.about)] if suite.about else [])]
    blocks += [*([REDUCED] if reduced else []), Paragraph(notes)]
    pictures = []
    for number, (table, verdicts) in enumerate(tables):
        best = best_of_columns(table, verdicts)
        pictures.append(results / (f"plot{number}.png" if number else "plot.png"))
        draw_table(table, verdicts, best, pictures[-1], suite.title)
        blocks += [Heading(table.name)] if table.name else []
        blocks += [verdicts_table(table, verdicts, best), *_notes(table, verdicts, best)]
        blocks.append(Picture(_shows(table, verdicts), pictures[-1].name))
    sources = _sources(suite, published, score)
    said = [MEMORY if "†" in markdown_page(blocks) else "", sources]
    blocks += [*(Paragraph(text) for text in said if text), Lines(protocol(records))]
    blocks.append(Folded("To repeat it", [Lines(_commands(suite))]))
    paths = [*write_page(suite.title, blocks, results), *pictures]
    return markdown_page(blocks), paths


def _notes(table: Table, verdicts: Verdicts, best: Mapping[str, Best]) -> list[Block]:
    """What the table marks, and a word on two seeds."""
    notes: list[Block] = []
    if not is_compared(table, verdicts) and len(table.rows) > 1:
        notes.append(Paragraph(BOLD if best else NOTHING_BOLD))
    few = any(len(found.seeds) == 2 for found in verdicts.values())
    return [*notes, *([Paragraph(FEW, "Few seeds. ")] if few else [])]


def _shows(table: Table, verdicts: Verdicts) -> str:
    """What the picture of a table is."""
    if table.axis:
        return f"The same against the {table.axis}, a line each."
    return "Published beside ours." if is_compared(table, verdicts) else "The same as dots, a column each."


def _commands(suite: Suite) -> str:
    """The command of the whole, and of each row alone."""
    name = suite.name if (suites_folder() / f"{suite.name}.yaml").is_file() else f"{suite.name}.yaml"
    rows = dict.fromkeys(slug(entry.row) for entry in suite.entries)
    words = f"metassl benchmark suite={name}"
    return "\n".join([words, *(f"{words} rows=[{row}]" for row in rows)])


def _score(published: Published, records: Records, results: Path) -> Score:
    """The score of a suite's records, or of what is published. Raises DataError for two scores."""
    names = list(dict.fromkeys(deciding_score(cell) for cells in records.values() for cell in cells.values()))
    if len(names) > 1:
        raise DataError(f"{results}: found results by {' and by '.join(names)}, a suite has one score.")
    stated = [name for name in KNOWN if any(name in block for block in published.values())]
    return score_named(next(iter(names or stated), ACCURACY.name), results)


def _verdicts(table: Table, published: Published, records: Records, score: Score) -> Verdicts:
    means = {
        (row, table.mean): verdict({}, mean_records(table, row, records, score), score)
        for row in (table.rows if table.mean else ())
    }
    return means | {
        (entry.row, entry.column): verdict(
            {} if entry.words or entry.train else published[entry.experiment],  # of another run nothing is
            records.get((table.name, entry.row, entry.column), {}),
            score,
        )
        for entry in table.entries
    }


def _sources(suite: Suite, published: Published, score: Score) -> str:
    stated = [published[entry.experiment] for entry in suite.entries if not (entry.words or entry.train)]
    lines = dict.fromkeys(
        f"Published: {s['source']} (over {s.get('over', 'episodes')}; tolerance {s['tolerance']})"
        for s in stated
        if s.get(score.name) is not None
    )
    return "; ".join(lines)
