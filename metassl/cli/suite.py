"""The command lines that run a suite of published results and report it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metassl.cli.suite_options import SuiteOptions, published_values, read_options
from metassl.errors import ConfigError
from metassl.experiments.execute import execute_test
from metassl.experiments.parallel import run_in_parallel
from metassl.experiments.suites.needed_runs import needed_tests, needed_trainings
from metassl.reports.suites.records import write_records
from metassl.reports.suites.report import write_suite_report


def run_suite(arguments: list[str], root: Path) -> int:
    """Runs what is left of a suite, stores and reports the results; the exit code, 1 where a run failed.

    Args:
        arguments: of the command line.
        root: has conf/ and benchmarks/.
    """
    options = read_options(arguments, root)
    conf, out, jobs = root / "conf", options.out, options.jobs
    published = published_values(options, conf)
    out.mkdir(parents=True, exist_ok=True)
    trainings = needed_trainings(options.entries, options.seeds, options.changes)
    tests = needed_tests(options.entries, options.seeds, options.changes)
    try:
        failed = [
            *run_in_parallel(trainings, out, conf, jobs),
            *run_in_parallel(tests, out, conf, jobs, execute_test),
        ]
    finally:  # what is done is kept, whatever stopped the rest
        write_records(options.suite, options.seeds, options.changes, out, options.results)
    _report(options, published)
    for run in failed:
        print(f"failed: {run.name}, see {out / run.name / 'output.txt'}")
    return 1 if failed else 0


def report_suite(arguments: list[str], root: Path) -> int:
    """Writes the report of the stored results; the exit code.

    Args:
        arguments: of the command line.
        root: has conf/ and benchmarks/.
    """
    options = read_options(arguments, root)
    if not options.results.is_dir():
        raise ConfigError(f"results={options.results}: not found; python scripts/benchmark.py makes them.")
    _report(options, published_values(options, root / "conf"))
    return 0


def _report(options: SuiteOptions, published: Mapping[str, Mapping[str, Any]]) -> None:
    text, paths = write_suite_report(options.suite, published, options.results)
    print(f"\n{text}")
    print("\n".join(map(str, paths)))
