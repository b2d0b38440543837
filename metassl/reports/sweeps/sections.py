"""The parts of a report: runs of one outcome each, whose numbers have one unit and one direction."""

from collections.abc import Sequence
from dataclasses import dataclass

from metassl.reports.sweeps.seed_groups import SeedGroup, group_runs
from metassl.runs.read import Run


@dataclass(frozen=True, eq=False)
class Section:
    """Runs that ask for the same.

    Attributes:
        outcome: what they ask for; "" where all runs of the sweep ask for it.
        runs: in the order of their jobs.
    """

    outcome: str
    runs: Sequence[Run]

    @property
    def groups(self) -> list[SeedGroup]:
        """See `group_runs`."""
        return group_runs(self.runs)

    def heading(self, level: int) -> list[str]:
        """The line above the section in Markdown, if it needs one."""
        return [f"{'#' * level} {self.outcome}"] if self.outcome else []

    def file(self, name: str) -> str:
        """A file's name, such as heatmap.png, of its own in each section."""
        stem, dot, end = name.partition(".")
        return f"{stem}_{self.outcome}{dot}{end}" if self.outcome else name


def sections(runs: Sequence[Run]) -> list[Section]:
    """The runs by outcome, in the order of the first finished run of each; one section where all agree."""
    outcomes = list(dict.fromkeys(run.outcome for run in runs if run.finished))
    if len(outcomes) < 2:
        return [Section("", runs)]
    return [Section(outcome, [run for run in runs if run.outcome == outcome]) for outcome in outcomes]
