"""The command line of scripts/report.py: reports a sweep, a run or a suite."""

import argparse
from pathlib import Path

from metassl.cli.suite import report_suite
from metassl.errors import UserError
from metassl.reports.sweeps.report import write_sweep_report


def report(arguments: list[str], root: Path) -> int:
    """Writes and prints the report that the words ask for; the exit code. Raises UserError.

    Args:
        arguments: of the command line: a folder, or suite=NAME.
        root: has conf/ and benchmarks/.
    """
    if any(word.startswith("suite=") for word in arguments):
        return report_suite(arguments, root)
    return report_sweep(arguments)


def report_sweep(arguments: list[str]) -> int:
    """Writes and prints the report of a sweep or a run; the exit code. Raises UserError."""
    parser = argparse.ArgumentParser(description="Table and pictures of a sweep or a single run.")
    parser.add_argument("sweep", type=Path, help="the folder of a sweep or of one run")
    parser.add_argument("--out", type=Path, help="where the files go (default: the sweep's folder)")
    parser.add_argument("--digits", type=int, choices=(1, 2), default=1, help="decimals of the percentages")
    options = parser.parse_args(arguments)
    try:
        table, paths = write_sweep_report(options.sweep, options.out or options.sweep, options.digits)
    except OSError as error:
        raise UserError(str(error)) from None
    print(table)
    print("\n".join(map(str, paths)))
    return 0
