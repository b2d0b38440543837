"""The report of a folder of runs, a sweep's or any other, or of a single run."""

import json
from collections.abc import Sequence
from pathlib import Path

from metassl.evaluation.intervals import shown
from metassl.reports.blocks import Block, Bullets, Folded, Heading, Lines, Paragraph, Picture
from metassl.reports.markdown import distinct
from metassl.reports.pages import is_png, markdown_page, write_page
from metassl.reports.sweeps.comparisons import Comparisons, comparison_blocks, comparisons
from metassl.reports.sweeps.pictures import section_pictures
from metassl.reports.sweeps.protocol import best_of_each_setting, protocol_line
from metassl.reports.sweeps.runs_table import runs_table
from metassl.reports.sweeps.sections import Section, Sorted, sort_out
from metassl.reports.sweeps.seed_groups import score
from metassl.reports.sweeps.tables import failures_table, results_table
from metassl.runs.read import Run, find_runs, other_folders

LEFT_OUT = "Left out, because nothing here can be compared with it"
DRAWN = {
    "fits.png": "What the learner makes of the first test tasks (metassl report run=...).",
    "transfer.png": "The test tasks by their distances (metassl transfer run=...).",
}


def write_sweep_report(sweep: Path, out: Path, digits: int = 1) -> tuple[str, list[Path]]:
    """Writes the files; returns the Markdown tables and the paths. Raises UserError and OSError.

    Runs that can't be compared have a section each, or a line that says why they have none.

    Args:
        sweep: the folder of runs, or of one run.
        out: where the files go.
        digits: decimals of the percentages.
    """
    runs = find_runs(sweep)
    found = sort_out(runs)
    compared = [comparisons(section.groups) for section in found.sections]  # reads, so before it writes
    out.mkdir(parents=True, exist_ok=True)
    title = sweep.resolve().name
    blocks: list[Block] = [Heading(title, 1), Paragraph(_how_many(runs))]
    said: list[Block] = []
    pictures: list[Picture] = []
    for section, comparison in zip(found.sections, compared, strict=True):
        drawn = section_pictures(section, comparison.made, out)
        table = results_table(section.groups, digits)
        blocks += [*_heading(section), *_best(section, digits), *table]
        blocks += _document(section, comparison, drawn, digits)
        said += [*_heading(section), *table]
        pictures += drawn
    left = _left_out(found, sweep)
    failures = failures_table(runs, sweep)
    blocks += left
    if failures:
        blocks += [Heading("Jobs without results"), failures]
    blocks += [runs_table(runs, out), *_whole(runs, out)]
    paths = write_page(title, blocks, out)
    return markdown_page([*said, *left]).rstrip(), [*paths, *(out / picture.file for picture in pictures)]


def _how_many(runs: Sequence[Run]) -> str:
    done = sum(run.finished for run in runs)
    if done == len(runs):
        return f"{done:,} runs, all with results." if done > 1 else "One run, with results."
    states = distinct(run.status for run in runs if not run.finished)
    return f"{done:,} of {len(runs):,} runs have results; the others: {states}."


def _heading(section: Section) -> list[Block]:
    return [Heading(section.name)] if section.name else []


def _document(
    section: Section, compared: Comparisons, pictures: Sequence[Picture], digits: int
) -> list[Block]:
    """What follows the section's table."""
    blocks: list[Block] = [*pictures]
    blocks += comparison_blocks(compared, digits)
    if any(run.finished for run in section.runs):
        blocks.append(Paragraph(protocol_line(section.runs)))
    return blocks


def _best(section: Section, digits: int) -> list[Block]:
    """A line for the best of each setting."""
    lines: list[Block] = []
    for group in best_of_each_setting([group for group in section.groups if group.finished]):
        found = score(group, group.decides.name)
        if found is not None:
            unit = " %" if group.decides.percent else ""
            test = f"{group.decides.title} {shown(group.decides, found, digits=digits)}{unit} on the test"
            lines.append(Paragraph(f"{group.label}, {test}.", "Best on validation: "))
    return lines


def _left_out(found: Sorted, sweep: Path) -> list[Block]:
    others = other_folders(sweep)
    lines = list(found.left_out)
    if others:
        more = f" and {len(others) - 5} more" if others[5:] else ""
        lines.append(f"{', '.join(others[:5])}{more}: no run inside; a folder of runs is reported by itself.")
    return [Heading(LEFT_OUT), Bullets(lines)] if lines else []


def _whole(runs: Sequence[Run], out: Path) -> list[Block]:
    """All that a single run's results say, and the pictures that other commands drew of it."""
    if len(runs) != 1 or runs[0].results is None:
        return []
    drawn = [Picture(shows, name) for name, shows in DRAWN.items() if is_png(out / name)]
    return [*drawn, Folded("All results", [Lines(json.dumps(runs[0].results, indent=2))])]
