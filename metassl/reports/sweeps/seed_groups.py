"""Puts the runs of a sweep that differ in nothing but the seed together, and scores them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import nan
from typing import Any

from metassl.errors import printable
from metassl.evaluation.intervals import Interval, over_seeds
from metassl.outcomes.scores import KNOWN, Score, score_named
from metassl.runs.file_names import RESULTS
from metassl.runs.read import Run

# What changes a run's speed, output or place, but not its result.
NEUTRAL = ("trainer.threads", "trainer.progress", "trainer.workers", "logger", "paths", "resume")


@dataclass(frozen=True, eq=False)
class SeedGroup:
    """Runs that differ in nothing but the seed. `extra` holds the other keys that vary over the sweep."""

    model: str
    ssl: str
    extra: tuple[tuple[str, str], ...]
    runs: tuple[Run, ...]

    @cached_property
    def finished(self) -> tuple[Run, ...]:
        """The runs with test results."""
        return tuple(run for run in self.runs if run.finished)

    @property
    def decides(self) -> Score:
        """The score that its runs are compared by. Raises DataError for one that there is not."""
        run = self.finished[0]
        return score_named(run.score, run.folder / RESULTS)

    @property
    def others(self) -> list[Score]:
        """The other scores that its runs have."""
        known = [score for name, score in KNOWN.items() if self.finished[0].result(name) is not None]
        return [score for score in known if score is not self.decides]

    @property
    def row(self) -> str:
        """The model and the other varying keys: all but the SSL objective, a line each."""
        return "\n".join(map(printable, [self.model, *(f"{key}={value}" for key, value in self.extra)]))

    @property
    def label(self) -> str:
        """One line that names the group, for example 'maml + vat, episode.unlabelled=5'."""
        return ", ".join([f"{self.model} + {self.ssl}", *(f"{key}={value}" for key, value in self.extra)])


def group_runs(runs: Iterable[Run]) -> list[SeedGroup]:
    """The groups in the order of their first job. Jobs that never started belong to none."""
    started = [run for run in runs if run.seed is not None]
    keys = varying(started)
    groups: dict[tuple[str, ...], list[Run]] = {}
    for run in started:
        groups.setdefault(tuple(value_of(run, key) for key in ("model", "ssl", *keys)), []).append(run)
    return [
        SeedGroup(model, ssl, tuple(zip(keys, values, strict=True)), tuple(members))
        for (model, ssl, *values), members in groups.items()
    ]


def score(group: SeedGroup, what: str) -> Interval | None:
    """The interval of a score by its name, or of 'gain', 'validation', 'unbalanced.gain'; in its own unit.

    Over seeds where the group has two or more finished runs, else the run's own interval over its
    episodes. None unless every finished run has the score: a mean over some seeds isn't comparable.
    """
    values = seed_values(group, what)
    if len(values) != 1:
        return over_seeds(values) if values else None
    width = _entry(group.finished[0], what)["ci95"]
    return Interval(values[0], nan if width is None else width, group.finished[0].result("episodes") or 0)


def seed_values(group: SeedGroup, what: str) -> list[float]:
    """The mean of a score over each seed's episodes, see `score`; [] unless every finished run has it."""
    found = [_entry(run, what) for run in group.finished]
    return [] if None in found else [float(entry["mean"]) for entry in found]


def _entry(run: Run, what: str) -> Any:
    """What results.json holds under a key, or under a key of a key; None where it has none."""
    key, _, inner = what.partition(".")
    found = run.result(key)
    return found.get(inner) if inner and found is not None else found


def rows_and_columns(groups: Sequence[SeedGroup]) -> tuple[list[str], list[str]]:
    """The rows and the SSL objectives of a grid of these groups, in the order of the first run."""
    return list(dict.fromkeys(group.row for group in groups)), list(dict.fromkeys(g.ssl for g in groups))


def value_of(run: Run, key: str) -> str:
    """The option of a group, or the value of an override; 'default' where the run has neither."""
    return run.choices.get(key) or run.typed.get(key, "default")


def varying(runs: Sequence[Run]) -> list[str]:
    """The keys, other than model, objective and seed, that differ between the runs and change results."""
    keys = dict.fromkeys(key for run in runs for key in run.typed)
    fixed = ("model", "ssl", "seed")
    keys = {key: None for key in keys if not key.startswith(NEUTRAL)}
    return [key for key in keys if key not in fixed and len({value_of(run, key) for run in runs}) > 1]
