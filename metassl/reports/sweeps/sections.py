"""Sorts the runs of a folder by what can be compared, and says what it leaves out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from metassl.evaluation.intervals import shown
from metassl.experiments.suites.needed_runs import slug
from metassl.reports.sweeps.parts import Part, add_unfinished, as_text, by_outcome, parts_of
from metassl.reports.sweeps.protocol import CLASS_FACTS, OTHER_FACTS, TEST_FACTS
from metassl.reports.sweeps.seed_groups import SeedGroup, group_runs, score
from metassl.runs.read import Run

MOST_NAMED = 6  # runs in one line
WORDS = (
    {"outcome": "", "score": "", "dataset": "", "reduced": "reduced data"}
    | TEST_FACTS
    | CLASS_FACTS
    | OTHER_FACTS
)


@dataclass(frozen=True, eq=False)
class Section:
    """Runs whose numbers stand in one table.

    Attributes:
        name: what makes them differ from the others of the report; "" where there is one section.
        runs: in the order of their jobs.
    """

    name: str
    runs: Sequence[Run]

    @cached_property
    def groups(self) -> list[SeedGroup]:
        """See `group_runs`."""
        return group_runs(self.runs)

    def file(self, name: str) -> str:
        """A file's name, such as heatmap.png, of its own in each section."""
        stem, dot, end = name.partition(".")
        return f"{stem}_{slug(self.name)[:60]}{dot}{end}" if self.name else name


@dataclass(frozen=True)
class Sorted:
    """The sections, and a line for what stands in none."""

    sections: Sequence[Section]
    left_out: Sequence[str] = field(default_factory=list)


def sort_out(runs: Sequence[Run]) -> Sorted:
    """The runs by what they are tested on: outcome, score, data set, split and make-up of the episodes.

    Runs that sweep a number of the make-up, such as episode.unlabelled, stay together. Where some can be
    compared, those that stand alone are left out, a line for each such; where none can, all stay in a table
    of their outcome, which compares none.
    """
    parts = parts_of([run for run in runs if run.finished])
    add_unfinished(parts, [run for run in runs if not run.finished])
    kept = [part for part in parts if len(group_runs(part.runs)) > 1]
    alone = [part for part in parts if part not in kept]
    if not kept:
        kept, alone = by_outcome(parts), []
    if not kept:
        return Sorted([Section("", list(runs))])
    largest = max(kept, key=lambda part: len(part.runs))
    return Sorted(_named(kept, runs), [_line(part, largest) for part in alone])


def _named(parts: Sequence[Part], runs: Sequence[Run]) -> list[Section]:
    """The parts as sections, whose names say what they differ in, and whose runs are in their first order."""
    if len(parts) == 1:
        inside = set(parts[0].runs) | {run for run in runs if run.seed is None}
        return [Section("", [run for run in runs if run in inside])]
    outcomes = [str(part.facts["outcome"]) for part in parts]
    # what one of them sweeps is no name of the others
    stated = [key for key in WORDS if all(key in part.facts for part in parts)]
    vary = [key for key in stated if len({as_text(part.facts[key]) for part in parts}) > 1]
    keys = ["outcome"] if len(set(outcomes)) == len(parts) else vary
    names = [", ".join(filter(None, (_said(key, part.facts.get(key)) for key in keys))) for part in parts]
    again = Counter(slug(name)[:60] for name in names)
    order = {run: place for place, run in enumerate(runs)}
    sections = []
    for number, (name, part) in enumerate(zip(names, parts, strict=True), 1):
        unique = name if name and again[slug(name)[:60]] == 1 else f"{number}. {name}"
        sections.append(Section(unique, sorted(part.runs, key=order.__getitem__)))
    return sections


def _said(key: str, value: object) -> str:
    if key == "reduced":
        return "reduced data" if value else ""
    return f"{WORDS[key]} {as_text(value)}".strip()


def _line(part: Part, largest: Part) -> str:
    """Why a part is compared with nothing."""
    finished = [run for run in part.runs if run.finished]
    names = [run.folder.name for run in finished]
    named = ", ".join(names[:MOST_NAMED]) + (
        f" and {len(names) - MOST_NAMED} more" if names[MOST_NAMED:] else ""
    )
    (group,) = group_runs(part.runs)
    found = score(group, group.decides.name)
    value = "" if found is None else f", {group.decides.title} {shown(group.decides, found)}"
    keys = [key for key in WORDS if as_text(part.facts.get(key)) != as_text(largest.facts.get(key))]
    other = [key for key in keys if key in part.facts and key in largest.facts]
    other = other[:1] if other[:1] in (["outcome"], ["score"]) else other  # which make the others differ
    why = "; ".join(
        f"{WORDS[key] or key} {as_text(part.facts[key])} where the others have {as_text(largest.facts[key])}"
        for key in other
    )
    return f"{named} ({group.label}{value}): {why or 'other test episodes'}."
