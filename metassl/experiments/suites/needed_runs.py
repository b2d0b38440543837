"""What a suite has to run: the trainings, and the tests of their weights under other words."""

import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path

from metassl.experiments.planned_runs import PlannedRun, PlannedTest
from metassl.experiments.suites.suite import Entry

LONGEST = 110  # letters of a name; file systems take 255


def training_of(entry: Entry, seed: int, changes: Sequence[str]) -> PlannedRun:
    """The training behind an entry with a seed; `changes` are words for every run."""
    name = _short("-".join((entry.weights, *map(slug, entry.train))))
    return PlannedRun(
        f"{name}-{seed}", (f"experiment={entry.weights}", f"seed={seed}", *changes, *entry.train)
    )


def extra_test_of(entry: Entry, seed: int, changes: Sequence[str]) -> PlannedTest:
    """The test of an entry whose training ends with another one."""
    trained = training_of(entry, seed, changes)
    name = _short("-".join(map(slug, (entry.experiment, *entry.words))))
    keys = {word.partition("=")[0] for word in entry.words}
    left = [word for word in entry.train if word.partition("=")[0] not in keys]  # the test's word wins
    words = (f"experiment={entry.experiment}", f"seed={seed}", *changes, *left, *entry.words)
    return PlannedTest(f"{trained.name}/tests/{name}", words, trained.name)


def needed_trainings(
    entries: Iterable[Entry], seeds: Iterable[int], changes: Sequence[str]
) -> list[PlannedRun]:
    """Every training once; seed by seed, so that an early stop leaves whole columns."""
    needed = [training_of(entry, seed, changes) for seed in seeds for entry in entries]
    return list(dict.fromkeys(needed))


def needed_tests(entries: Iterable[Entry], seeds: Iterable[int], changes: Sequence[str]) -> list[PlannedTest]:
    """Every test that no training ends with, once."""
    needed = [entry for entry in entries if entry.needs_test]
    return list(dict.fromkeys(extra_test_of(entry, seed, changes) for seed in seeds for entry in needed))


def result_folder(entry: Entry, seed: int, changes: Sequence[str], out: Path) -> Path:
    """Where the results of an entry are, once they are there."""
    if entry.needs_test:
        return out / extra_test_of(entry, seed, changes).name
    return out / training_of(entry, seed, changes).name


def _short(name: str) -> str:
    """The name, cut where a training and its test together would be too long for a file of that name."""
    if len(name) <= LONGEST:
        return name
    return f"{name[: LONGEST - 9]}-{sha256(name.encode()).hexdigest()[:8]}"


def slug(text: str) -> str:
    """The text as a part of a file's name."""
    return re.sub(r"[^A-Za-z0-9.]+", "_", text).strip("_")
