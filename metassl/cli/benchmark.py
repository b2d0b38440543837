"""The command lines of scripts/benchmark.py and of the suites' part of scripts/report.py."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from metassl.cli.arguments import compose_config, parse_words
from metassl.cli.choices import chosen, count, listed
from metassl.errors import ConfigError
from metassl.suites.plan import slug, tests, trainings
from metassl.suites.records import collect
from metassl.suites.report import write_suite_report
from metassl.suites.suite import Entry, Suite, read_suite
from metassl.sweeps.run import run_cells
from metassl.sweeps.worker import run_test_cell

OWN = ("suite", "rows", "columns", "seeds", "steps", "jobs", "out", "results")


@dataclass(frozen=True)
class BenchmarkOptions:
    """What the words of the command line say.

    Attributes:
        suite: the chosen rows and columns of a suite.
        seeds: of each cell.
        changes: words for every run. Runs that were changed are no part of the committed results.
        jobs: processes side by side.
        out: folder of the runs.
        results: folder of the suite's records.
    """

    suite: Suite
    seeds: list[int]
    changes: list[str]
    jobs: int
    out: Path
    results: Path

    @property
    def entries(self) -> list[Entry]:
        """The chosen cells."""
        return [entry for table in self.suite.tables for entry in table.entries]


def run_suite(arguments: list[str], root: Path) -> int:
    """Runs what is left of a suite, stores and reports the results; the exit code, 1 where a cell failed.

    Args:
        arguments: of the command line.
        root: has conf/ and benchmarks/.
    """
    options = read_options(arguments, root)
    conf, entries = root / "conf", options.entries
    published = published_values(entries, options.changes, conf)
    options.out.mkdir(parents=True, exist_ok=True)
    plan = (options.seeds, options.changes)
    try:
        failed = [
            *run_cells(trainings(entries, *plan), options.out, conf, options.jobs),
            *run_cells(tests(entries, *plan), options.out, conf, options.jobs, run_test_cell),
        ]
    finally:  # what is done is kept, whatever stopped the rest
        collect(options.suite, *plan, options.out, options.results)
    text, paths = write_suite_report(options.suite, published, options.results)
    print(f"\n{text}")
    print("\n".join(map(str, paths)))
    for cell in failed:
        print(f"failed: {cell.name}, see {options.out / cell.name / 'output.txt'}")
    return 1 if failed else 0


def report_suite(arguments: list[str], root: Path) -> int:
    """Writes the report of the stored results."""
    options = read_options(arguments, root)
    if not options.results.is_dir():
        raise ConfigError(f"results={options.results}: not found; python scripts/benchmark.py makes them.")
    published = published_values(options.entries, options.changes, root / "conf")
    text, paths = write_suite_report(options.suite, published, options.results)
    print(text)
    print("\n".join(map(str, paths)))
    return 0


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
    suite = _select(read_suite(root / "benchmarks" / "suites", str(own["suite"])), own)
    seeds = [count("seeds", seed, 0) for seed in listed(own.get("seeds", list(suite.seeds)))]
    if "steps" in own:
        steps = count("steps", own["steps"], 1)
        changes += [f"trainer.steps={steps}", f"trainer.val_every={steps}"]
    kept = root / "benchmarks" / "results" if not changes else None
    out = Path(own.get("out") or root / "outputs" / "benchmarks" / "-".join(map(slug, changes)))
    results = Path(own.get("results") or kept or out / "results") / suite.name
    return BenchmarkOptions(suite, seeds, changes, count("jobs", own.get("jobs", 2), 1), out, results)


def published_values(
    entries: Sequence[Entry], changes: list[str], conf: Path
) -> dict[str, Mapping[str, Any]]:
    """Experiment -> its `published` block. Raises ConfigError where an experiment or a word is wrong."""
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


def _select(suite: Suite, own: Mapping[str, Any]) -> Suite:
    """The suite with the chosen rows and columns alone; a row is also known by its name in a file."""
    rows = {slug(row): row for table in suite.tables for row in table.rows}
    columns = {slug(column): column for table in suite.tables for column in table.columns}
    wanted = {rows[name] for name in chosen("rows", _slugs(own.get("rows")), list(rows))}
    among = {columns[name] for name in chosen("columns", _slugs(own.get("columns")), list(columns))}
    tables = [
        replace(
            table,
            rows=tuple(row for row in table.rows if row in wanted),
            columns=tuple(column for column in table.columns if column in among),
            entries=tuple(e for e in table.entries if e.row in wanted and e.column in among),
        )
        for table in suite.tables
    ]
    return replace(suite, tables=tuple(table for table in tables if table.entries))


def _slugs(value: Any) -> list[str] | None:
    return None if value is None else [slug(str(name)) for name in listed(value)]
