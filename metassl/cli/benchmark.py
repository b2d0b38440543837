"""Run a suite of published results again, and compare.

    metassl benchmark suite=ren2018_omniglot                             # every cell, every seed
    metassl benchmark suite=ren2018_omniglot rows=[soft_k_means] seeds=[0] jobs=1
    metassl benchmark suite=ren2018_omniglot rows=[supervised] seeds=[0] steps=200   # a short trial
    metassl benchmark suite=my_suite.yaml                                # a suite of your own
    metassl benchmark suite=ren2018_omniglot jobs=10 launcher=slurm      # or ray; local: this machine

Runs go to outputs/benchmarks (out=...). Those that are done are not run again, and a killed suite goes on
where it was: type the same command. The results, a small JSON file for each row and seed, and the report go
to a folder of the suite's name in benchmarks/results where there is one, as in a checkout, or else in
outputs/benchmarks/results (results=...). With steps=... or any option of metassl train the runs and results
go to a folder of their own in outputs/benchmarks, so that they never mix with the others.
Exit code 1 where a cell failed, 2 for a user's mistake, 130 when stopped by hand.
"""

from collections.abc import Mapping
from typing import Any

from metassl.cli.folders import made_folder
from metassl.cli.suite_options import SuiteOptions, published_values, read_options
from metassl.errors import ConfigError
from metassl.experiments.execute import execute_test
from metassl.experiments.failures import tell_failed
from metassl.experiments.parallel import run_in_parallel
from metassl.experiments.suites.needed_runs import needed_tests, needed_trainings
from metassl.reports.suites.records import write_records
from metassl.reports.suites.report import write_suite_report
from metassl.shipped import conf_folder


def run_suite(arguments: list[str]) -> int:
    """Runs what is left of a suite, stores and reports the results; the exit code, 1 where a run failed."""
    options = read_options(arguments)
    conf, out, jobs, launcher = conf_folder(), options.out, options.jobs, options.launcher
    published = published_values(options)
    made_folder("out", out)
    trainings = needed_trainings(options.entries, options.seeds, options.changes)
    tests = needed_tests(options.entries, options.seeds, options.changes)
    try:
        failed = [
            *run_in_parallel(trainings, out, conf, jobs, launcher),
            *run_in_parallel(tests, out, conf, jobs, launcher, execute_test),
        ]
    finally:  # what is done is kept, whatever stopped the rest
        write_records(options.suite, options.seeds, options.changes, out, options.results)
    _report(options, published)
    tell_failed(failed, out)
    return 1 if failed else 0


def report_suite(arguments: list[str]) -> int:
    """Writes the report of the stored results; the exit code."""
    options = read_options(arguments)
    if not options.results.is_dir():
        raise ConfigError(f"results={options.results}: not found; metassl benchmark makes them.")
    _report(options, published_values(options))
    return 0


def _report(options: SuiteOptions, published: Mapping[str, Mapping[str, Any]]) -> None:
    text, paths = write_suite_report(options.suite, published, options.results)
    print(f"\n{text}")
    print("\n".join(map(str, paths)))
