"""The report of a sweep or of a single run: a Markdown file, a heat map and learning curves."""

from collections.abc import Sequence
from pathlib import Path

from metassl.files import write_atomically
from metassl.reports.sweeps.comparisons import comparisons
from metassl.reports.sweeps.learning_curves import draw_learning_curves
from metassl.reports.sweeps.protocol import protocol_line, task_title
from metassl.reports.sweeps.score_map import draw_score_map
from metassl.reports.sweeps.seed_groups import group_runs
from metassl.reports.sweeps.tables import failures_table, results_table
from metassl.runs.read import Run, find_runs

PAIRED_NOTE = (
    "Percentage points, 95% interval over the test episodes, each averaged over the shared seeds. The "
    "trained models are taken as given, so this leaves out how much another seed would change. The "
    "best was picked by these same numbers, and nothing is corrected for the number of comparisons."
)


def write_sweep_report(sweep: Path, out: Path, digits: int = 1) -> tuple[str, list[Path]]:
    """Writes the files; returns the Markdown table and the paths. Raises UserError and OSError.

    Args:
        sweep: the folder of a sweep, or of one run.
        out: where the files go.
        digits: decimals of the percentages.
    """
    runs = find_runs(sweep)
    groups = group_runs(runs)
    out.mkdir(parents=True, exist_ok=True)
    title = task_title(runs)
    drawn = {"heatmap.png": draw_score_map, "curves.png": draw_learning_curves}
    pictures = [out / name for name, draw in drawn.items() if draw(groups, out / name, title)]
    table = results_table(groups, digits)
    report = _document(sweep, runs, table, comparisons(groups, digits), [path.name for path in pictures])
    write_atomically(out / "report.md", lambda path: path.write_text(report, encoding="utf-8"))
    return table, [out / "report.md", *pictures]


def _document(
    sweep: Path, runs: Sequence[Run], table: str, compared: Sequence[str], pictures: Sequence[str]
) -> str:
    parts = [f"# {sweep.resolve().name}", table]
    if any(run.finished for run in runs):
        parts.append(protocol_line(runs))
    if compared:
        parts += ["## The best against the others", PAIRED_NOTE, "\n".join(f"* {line}" for line in compared)]
    parts += [f"![{Path(name).stem}]({name})" for name in pictures]
    failures = failures_table(runs, sweep)
    if failures:
        parts += ["## Jobs without results", failures]
    return "\n\n".join(part.strip() for part in parts) + "\n"
