"""The report of a sweep or of a single run: a Markdown file, a heat map and learning curves."""

from collections.abc import Sequence
from pathlib import Path

from metassl.files import write_atomically
from metassl.reports.markdown import escaped
from metassl.reports.sweeps.comparisons import comparisons
from metassl.reports.sweeps.learning_curves import draw_learning_curves
from metassl.reports.sweeps.protocol import protocol_line, task_title
from metassl.reports.sweeps.score_map import draw_score_map
from metassl.reports.sweeps.sections import Section, sections
from metassl.reports.sweeps.seed_groups import SeedGroup
from metassl.reports.sweeps.tables import failures_table, results_table
from metassl.runs.read import find_runs

PAIRED_NOTE = (
    "{unit}, paired by test episode, with a 95% interval over the shared seeds (Student's t). The best was "
    "chosen on validation. Of {comparisons} comparisons those are said to hold that do so together, by "
    "Holm's correction at 5%."
)


def write_sweep_report(sweep: Path, out: Path, digits: int = 1) -> tuple[str, list[Path]]:
    """Writes the files; returns the Markdown table and the paths. Raises UserError and OSError.

    Runs of different outcomes have a table and pictures each.

    Args:
        sweep: the folder of a sweep, or of one run.
        out: where the files go.
        digits: decimals of the percentages.
    """
    runs = find_runs(sweep)
    found = sections(runs)
    compared = [comparisons(section.groups, digits) for section in found]  # reads, so it comes before writing
    out.mkdir(parents=True, exist_ok=True)
    tables, parts, pictures = [], [f"# {escaped(sweep.resolve().name)}"], []
    for section, lines in zip(found, compared, strict=True):
        groups = section.groups
        tables += [*section.heading(2), results_table(groups, digits)]
        drawn = _pictures(section, groups, out)
        parts += _document(section, tables[-1], lines, drawn)
        pictures += drawn
    failures = failures_table(runs, sweep)
    if failures:
        parts += ["## Jobs without results", failures]
    text = "\n\n".join(part.strip() for part in parts) + "\n"
    write_atomically(out / "report.md", lambda path: path.write_text(text, encoding="utf-8"))
    return "\n\n".join(tables), [out / "report.md", *pictures]


def _pictures(section: Section, groups: Sequence[SeedGroup], out: Path) -> list[Path]:
    """The pictures that could be drawn."""
    title = task_title(section.runs)
    drawn = {"heatmap.png": draw_score_map, "curves.png": draw_learning_curves}
    paths = {out / section.file(name): draw for name, draw in drawn.items()}
    return [path for path, draw in paths.items() if draw(groups, path, title)]


def _document(section: Section, table: str, compared: Sequence[str], pictures: Sequence[Path]) -> list[str]:
    """The section's parts of the report."""
    parts = [*section.heading(2), table]
    if any(run.finished for run in section.runs):
        parts.append(protocol_line(section.runs))
    if compared:
        parts += ["## The best against the others", _paired_note(section.groups, len(compared))]
        parts += ["\n".join(f"* {line}" for line in compared)]
    return parts + [f"![{path.stem}]({path.name})" for path in pictures]


def _paired_note(groups: Sequence[SeedGroup], comparisons: int) -> str:
    decides = next(group for group in groups if group.finished).decides
    unit = "Percentage points" if decides.percent else decides.opening
    return PAIRED_NOTE.format(unit=unit, comparisons=comparisons)
