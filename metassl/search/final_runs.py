"""What is chosen, and the defaults as its control: trained with fresh seeds, and tested once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from metassl.evaluation.intervals import Interval, over_seeds
from metassl.experiments.planned_runs import PlannedRun
from metassl.reports.sweeps.comparisons import Difference, paired_difference
from metassl.reports.sweeps.seed_groups import SeedGroup
from metassl.runs.file_names import ABOUT
from metassl.runs.read import Run, read_run

FOLDER = "final"


@dataclass(frozen=True)
class FinalRuns:
    """The runs at the end of a search.

    Attributes:
        chosen: with the values of the best trial, a run a seed.
        default: without them.
    """

    chosen: tuple[PlannedRun, ...]
    default: tuple[PlannedRun, ...]

    @property
    def all(self) -> list[PlannedRun]:
        """Seed by seed, so that an early stop leaves pairs."""
        return [run for pair in zip(self.chosen, self.default, strict=True) for run in pair]


def final_runs(words: Sequence[str], values: Sequence[str], number: int, seeds: Sequence[int]) -> FinalRuns:
    """The runs that the choice of a trial asks for.

    Args:
        words: of every training of the search.
        values: the words of the chosen values.
        number: of the trial.
        seeds: of the runs.
    """
    each = [f"seed={seed}" for seed in seeds]
    chosen = [
        PlannedRun(f"{FOLDER}/{number:04d}-{k}", (*words, *values, word))
        for k, word in zip(seeds, each, strict=True)
    ]
    default = [
        PlannedRun(f"{FOLDER}/default-{k}", (*words, word)) for k, word in zip(seeds, each, strict=True)
    ]
    return FinalRuns(tuple(chosen), tuple(default))


@dataclass(frozen=True)
class Comparison:
    """What was chosen beside the defaults, on the test classes.

    Attributes:
        chosen, default: their runs; only those that are there.
        difference: how much better the first is, paired by episode; None without shared seeds.
        on_validation: the same on validation classes, by the best validation of each training; None without
            two shared seeds. What takes the place of a default is decided by it, and not by the test.
    """

    chosen: SeedGroup
    default: SeedGroup
    difference: Difference | None
    on_validation: Interval | None


def compare(out: Path, runs: FinalRuns) -> Comparison:
    """Reads the runs at the end of a search."""
    chosen, default = _group("chosen", out, runs.chosen), _group("defaults", out, runs.default)
    if not (chosen.finished and default.finished):
        return Comparison(chosen, default, None, None)
    return Comparison(chosen, default, paired_difference(chosen, default), _on_validation(chosen, default))


def _on_validation(chosen: SeedGroup, default: SeedGroup) -> Interval | None:
    better, worse = (_validations(group) for group in (chosen, default))
    sign = 1 if chosen.decides.higher else -1
    shared = [sign * (better[seed] - worse[seed]) for seed in sorted(better.keys() & worse.keys())]
    return over_seeds(shared) if len(shared) > 1 else None


def _validations(group: SeedGroup) -> dict[int, float]:
    """Seed -> the best validation of its training."""
    found = {run.seed: run.result("validation") for run in group.finished}
    return {seed: entry["mean"] for seed, entry in found.items() if seed is not None and entry is not None}


def _group(name: str, out: Path, runs: Sequence[PlannedRun]) -> SeedGroup:
    found: list[Run] = [read_run(out / run.name) for run in runs if (out / run.name / ABOUT).is_file()]
    ssl = found[0].choices.get("ssl", "") if found else ""
    return SeedGroup(name, ssl, (), tuple(found))
