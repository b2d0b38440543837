"""What the words of a suite's command line say."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from metassl.cli.checking import check_words
from metassl.cli.choices import chosen, count, listed, several
from metassl.cli.composing import compose_config
from metassl.cli.devices import check_one_device
from metassl.cli.folders import given_folder
from metassl.cli.launching import read_launcher
from metassl.cli.own_words import separate
from metassl.errors import ConfigError
from metassl.experiments.launchers.base import Launcher
from metassl.experiments.suites.needed_runs import extra_test_of, slug
from metassl.experiments.suites.suite import Entry, Suite
from metassl.experiments.suites.suite_file import read_suite
from metassl.shipped import conf_folder, suites_folder

KEPT = Path("benchmarks", "results")  # in a checkout: the results that are committed
OWN = ("suite", "rows", "columns", "seeds", "steps", "jobs", "out", "results")
REFUSED = dict.fromkeys(
    ("experiment", "seed"), "the suite chooses it; allowed are rows=[...] and seeds=[...]."
)


@dataclass(frozen=True)
class SuiteOptions:
    """What the words of the command line say.

    Attributes:
        suite: which is reported as a whole.
        entries: its cells that are run.
        seeds: of each cell.
        changes: words for every run. Runs that were changed are no part of the committed results.
        jobs: runs side by side.
        launcher: where they are done.
        out: folder of the runs.
        results: folder of the suite's records.
    """

    suite: Suite
    entries: list[Entry]
    seeds: list[int]
    changes: list[str]
    jobs: int
    launcher: Launcher
    out: Path
    results: Path


def read_options(arguments: list[str]) -> SuiteOptions:
    """The options; what is not the suite's own must be an option of `metassl train`."""
    own, changes = separate(arguments, OWN, REFUSED)
    launcher, changes = read_launcher(changes)
    if "suite" not in own:
        raise ConfigError("suite: has no default, give it as suite=ren2018_omniglot")
    suite = _suite(str(own["suite"]))
    seeds = [count("seeds", seed, 0) for seed in several("seeds", own.get("seeds", list(suite.seeds)))]
    if "steps" in own:
        steps = count("steps", own["steps"], 1)
        changes += [f"trainer.steps={steps}", f"trainer.val_every={steps}"]
    kept = KEPT if KEPT.is_dir() and not changes else None
    out = Path("outputs", "benchmarks", "-".join(map(slug, changes)))
    out = given_folder("out", own["out"]) if "out" in own else out
    results = given_folder("results", own["results"]) if "results" in own else kept or out / "results"
    results = results / suite.name
    jobs = count("jobs", own.get("jobs", 2), 1)
    return SuiteOptions(suite, _select(suite, own), seeds, changes, jobs, launcher, out, results)


def published_values(options: SuiteOptions) -> dict[str, Mapping[str, Any]]:
    """Experiment -> its `published` block. Raises ConfigError where an experiment or a word is wrong."""
    entries, changes = options.suite.entries, options.changes
    composed = {
        experiment: _checked([f"experiment={experiment}", *changes])
        for experiment in dict.fromkeys(entry.experiment for entry in entries)
    }
    for entry in {entry.words: entry for entry in entries if entry.words}.values():
        _checked([*extra_test_of(entry, 0, changes).words])
    budget = {"budget": " ".join(changes)} if changes else {}
    return {experiment: _plain(config.published) | budget for experiment, config in composed.items()}


def _checked(words: list[str]) -> DictConfig:
    config = compose_config(words, conf_folder())
    check_words(config, words)
    check_one_device(config)
    return config


def _suite(name: str) -> Suite:
    """One of the package's suites by its name, or the file of another."""
    if not name.endswith(".yaml"):
        return read_suite(suites_folder(), name)
    if not Path(name).is_file():
        raise ConfigError(f"suite: found no file '{name}'.")
    return read_suite(Path(name).parent, Path(name).stem)


def _plain(node: DictConfig | None) -> dict[str, Any]:
    return {} if node is None else {str(key): value for key, value in node.items()}


def _select(suite: Suite, own: Mapping[str, Any]) -> list[Entry]:
    """The cells of the chosen rows and columns; a row is also known by its name in a file."""
    entries = suite.entries
    rows, columns = {slug(e.row): e.row for e in entries}, {slug(e.column): e.column for e in entries}
    wanted = {rows[name] for name in chosen("rows", _slugs(own.get("rows")), list(rows))}
    among = {columns[name] for name in chosen("columns", _slugs(own.get("columns")), list(columns))}
    return [entry for entry in entries if entry.row in wanted and entry.column in among]


def _slugs(value: Any) -> list[str] | None:
    return None if value is None else [slug(str(name)) for name in listed(value)]
