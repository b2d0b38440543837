"""Report a sweep, any folder of runs, or a single run: tables and pictures, as Markdown and as one HTML page.

    metassl report outputs/multirun/2026-11-22_10-00-00 [--out FOLDER] [--digits 2]
    metassl report outputs                  # runs of all kinds: sorted by what can be compared
    metassl report outputs/search           # what a search has found, again
    metassl report suite=ren2018_omniglot   # stored results of a suite beside the published
    metassl report run=outputs/<when>       # draws what a run of dataset=curves makes of its first test tasks

Writes report.md, report.html, which holds its pictures and needs no network, and the pictures into the
folder or FOLDER, and prints the tables and the paths. The pictures follow what was swept: heatmap.png of two
or more things, line.png against a number, intervals.png of anything else, curves.png of the training. With
run= it writes fits.png into the run's folder; further words change the test as in metassl evaluate, and
episode.queries=200 makes the curves smooth. Exit code 2 and one line on stderr for a missing folder or a
broken file.
"""

import argparse
from pathlib import Path

from metassl.cli.benchmark import report_suite
from metassl.cli.flags import in_one_line
from metassl.errors import UserError
from metassl.reports.sweeps.report import write_sweep_report
from metassl.runs.file_names import SEARCH


def report(arguments: list[str]) -> int:
    """Writes and prints the report that the words ask for; the exit code. Raises UserError."""
    if any(word.startswith("suite=") for word in arguments):
        return report_suite(arguments)
    if any(word.startswith("run=") for word in arguments):
        return report_fits(arguments)
    return report_sweep(arguments)


def report_fits(arguments: list[str]) -> int:
    """Draws the fits of the run that `run=FOLDER` names; the exit code. Raises UserError."""
    from metassl.cli.evaluate import run_config, run_folder  # here, for torch takes seconds
    from metassl.reports.fits import write_fits

    asked = run_folder(arguments)
    print(write_fits(run_config(*asked), asked.folder))
    return 0


def report_search(folder: Path) -> int:
    """Writes and prints what a search has found; the exit code. Raises UserError."""
    from metassl.search.report.report import report_search  # here, for it imports Optuna

    text, paths = report_search(folder)
    print(text)
    print("\n".join(map(str, paths)))
    return 0


def report_sweep(arguments: list[str]) -> int:
    """Writes and prints the report of a sweep or a run; the exit code. Raises UserError."""
    parser = in_one_line(argparse.ArgumentParser(add_help=False))
    parser.add_argument("sweep", type=Path, help="the folder of a sweep, of other runs, or of one run")
    parser.add_argument("--out", type=Path, help="where the files go (default: the sweep's folder)")
    parser.add_argument("--digits", type=int, choices=(1, 2), default=1, help="decimals of the percentages")
    options = parser.parse_args(arguments)
    if (options.sweep / SEARCH).is_file():
        return report_search(options.sweep)
    try:
        table, paths = write_sweep_report(options.sweep, options.out or options.sweep, options.digits)
    except OSError as error:
        raise UserError(str(error)) from None
    print(table)
    print("\n".join(map(str, paths)))
    return 0
