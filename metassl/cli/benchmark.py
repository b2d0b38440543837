"""The command lines of scripts/benchmark.py and of the suites' part of scripts/report.py."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from metassl.cli.arguments import compose_config, parse_words
from metassl.cli.choices import chosen, count, listed
from metassl.errors import ConfigError
from metassl.experiments.run import run_cells
from metassl.experiments.suites.plan import slug, tests, trainings
from metassl.experiments.suites.suite import Entry, Suite, read_suite
from metassl.experiments.worker import run_test_cell
from metassl.reports.suites.records import collect
from metassl.reports.suites.report import write_suite_report

OWN = ("suite", "rows", "columns", "seeds", "steps", "jobs", "out", "results")


@dataclass(frozen=True)
class BenchmarkOptions:
    """What the words of the command line say.

    Attributes:
        suite: which is reported as a whole.
        entries: its cells that are run.
        seeds: of each cell.
        changes: words for every run. Runs that were changed are no part of the committed results.
        jobs: processes side by side.
        out: folder of the runs.
        results: folder of the suite's records.
    """

    suite: Suite
    entries: list[Entry]
    seeds: list[int]
    changes: list[str]
    jobs: int
    out: Path
    results: Path


def run_suite(arguments: list[str], root: Path) -> int:
    """Runs what is left of a suite, stores and reports the results; the exit code, 1 where a cell failed.

    Args:
        arguments: of the command line.
        root: has conf/ and benchmarks/.
    """
    options = read_options(arguments, root)
    conf = root / "conf"
    published = published_values(options, conf)
    options.out.mkdir(parents=True, exist_ok=True)
    plan = (options.seeds, options.changes)
    try:
        failed = [
            *run_cells(trainings(options.entries, *plan), options.out, conf, options.jobs),
            *run_cells(tests(options.entries, *plan), options.out, conf, options.jobs, run_test_cell),
        ]
    finally:  # what is done is kept, whatever stopped the rest
        collect(options.suite, *plan, options.out, options.results)
    _report(options, published)
    for cell in failed:
        print(f"failed: {cell.name}, see {options.out / cell.name / 'output.txt'}")
    return 1 if failed else 0


def report_suite(arguments: list[str], root: Path) -> int:
    """Writes the report of the stored results."""
    options = read_options(arguments, root)
    if not options.results.is_dir():
        raise ConfigError(f"results={options.results}: not found; python scripts/benchmark.py makes them.")
    _report(options, published_values(options, root / "conf"))
    return 0


def _report(options: BenchmarkOptions, published: Mapping[str, Mapping[str, Any]]) -> None:
    text, paths = write_suite_report(options.suite, published, options.results)
    print(f"\n{text}")
    print("\n".join(map(str, paths)))


def read_options(arguments: list[str], root: Path) -> BenchmarkOptions:
    """The options; what is not the suite's own must be an option of train.py."""
    own: dict[str, Any] = {}
    changes = []
    for override in parse_words(arguments):
        key = override.key_or_group
        if key in OWN:
            own[key] = override.value()
        elif key in ("experiment", "seed"):
            raise ConfigError(f"{key}: the suite chooses it; allowed are rows=[...] and seeds=[...].")
        else:
            changes.append(str(override.input_line))
    if "suite" not in own:
        raise ConfigError("suite: has no default, give it as suite=ren2018_omniglot")
    suite = read_suite(root / "benchmarks" / "suites", str(own["suite"]))
    seeds = [count("seeds", seed, 0) for seed in listed(own.get("seeds", list(suite.seeds)))]
    if "steps" in own:
        steps = count("steps", own["steps"], 1)
        changes += [f"trainer.steps={steps}", f"trainer.val_every={steps}"]
    kept = root / "benchmarks" / "results" if not changes else None
    out = Path(own.get("out") or root / "outputs" / "benchmarks" / "-".join(map(slug, changes)))
    results = Path(own.get("results") or kept or out / "results") / suite.name
    jobs = count("jobs", own.get("jobs", 2), 1)
    return BenchmarkOptions(suite, _select(suite, own), seeds, changes, jobs, out, results)


def published_values(options: BenchmarkOptions, conf: Path) -> dict[str, Mapping[str, Any]]:
    """Experiment -> its `published` block. Raises ConfigError where an experiment or a word is wrong."""
    entries, changes = [e for table in options.suite.tables for e in table.entries], options.changes
    composed = {
        experiment: compose_config([f"experiment={experiment}", *changes], conf)
        for experiment in dict.fromkeys(entry.experiment for entry in entries)
    }
    for words, experiment in {entry.words: entry.experiment for entry in entries if entry.words}.items():
        compose_config([f"experiment={experiment}", *changes, *words], conf)
    budget = {"budget": " ".join(changes)} if changes else {}
    return {experiment: _plain(config.published) | budget for experiment, config in composed.items()}


def _plain(node: DictConfig | None) -> dict[str, Any]:
    return {} if node is None else {str(key): value for key, value in node.items()}


def _select(suite: Suite, own: Mapping[str, Any]) -> list[Entry]:
    """The cells of the chosen rows and columns; a row is also known by its name in a file."""
    entries = [entry for table in suite.tables for entry in table.entries]
    rows, columns = {slug(e.row): e.row for e in entries}, {slug(e.column): e.column for e in entries}
    wanted = {rows[name] for name in chosen("rows", _slugs(own.get("rows")), list(rows))}
    among = {columns[name] for name in chosen("columns", _slugs(own.get("columns")), list(columns))}
    return [entry for entry in entries if entry.row in wanted and entry.column in among]


def _slugs(value: Any) -> list[str] | None:
    return None if value is None else [slug(str(name)) for name in listed(value)]
