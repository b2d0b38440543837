"""Report a sweep or a single run: a Markdown table, a heat map and learning curves.

    python scripts/report.py outputs/multirun/2026-11-22_10-00-00 [--out FOLDER]
    python scripts/report.py suite=ren2018_omniglot   # stored results of a suite beside the published

Writes report.md, heatmap.png and curves.png into the sweep's folder or FOLDER, and prints the table
and the paths. Exit code 2 and one line on stderr for a missing folder or a broken file.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from metassl.cli.benchmark import report_suite
from metassl.errors import UserError
from metassl.files import write_atomically
from metassl.reports.comparisons import comparisons
from metassl.reports.groups import group_runs
from metassl.reports.plots import heat_map, learning_curves
from metassl.reports.runs import Run, find_runs
from metassl.reports.tables import failures_table, protocol, results_table, task

PAIRED_NOTE = (
    "Percentage points, 95% interval over the test episodes, each averaged over the shared seeds. The "
    "trained models are taken as given, so this leaves out how much another seed would change. The "
    "best was picked by these same numbers, and nothing is corrected for the number of comparisons."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code is 0, or 2 for a user's mistake."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if any(word.startswith("suite=") for word in words):
            return report_suite(words, Path(__file__).resolve().parent.parent)
        return report_sweep(words)
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def report_sweep(arguments: Sequence[str]) -> int:
    """The report of a sweep or a run. Raises UserError and OSError."""
    parser = argparse.ArgumentParser(description="Table and pictures of a sweep or a single run.")
    parser.add_argument("sweep", type=Path, help="the folder of a sweep or of one run")
    parser.add_argument("--out", type=Path, help="where the files go (default: the sweep's folder)")
    parser.add_argument("--digits", type=int, choices=(1, 2), default=1, help="decimals of the percentages")
    options = parser.parse_args(arguments)
    table, paths = write_report(options.sweep, options.out or options.sweep, options.digits)
    print(table)
    print("\n".join(map(str, paths)))
    return 0


def write_report(sweep: Path, out: Path, digits: int = 1) -> tuple[str, list[Path]]:
    """Write the files; returns the Markdown table and the paths. Raises UserError and OSError."""
    runs = find_runs(sweep)
    groups = group_runs(runs)
    out.mkdir(parents=True, exist_ok=True)
    title = task(runs)
    drawn = {"heatmap.png": heat_map, "curves.png": learning_curves}
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
        parts.append(protocol(runs))
    if compared:
        parts += ["## The best against the others", PAIRED_NOTE, "\n".join(f"* {line}" for line in compared)]
    parts += [f"![{Path(name).stem}]({name})" for name in pictures]
    failures = failures_table(runs, sweep)
    if failures:
        parts += ["## Jobs without results", failures]
    return "\n\n".join(part.strip() for part in parts) + "\n"


if __name__ == "__main__":
    sys.exit(main())
