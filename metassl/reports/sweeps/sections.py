"""Sorts the runs of a folder by what can be compared, and says what it leaves out."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from metassl.evaluation.intervals import shown
from metassl.experiments.suites.needed_runs import slug
from metassl.reports.markdown import NOTHING, distinct
from metassl.reports.sweeps.protocol import CLASS_FACTS, OTHER_FACTS, TEST_FACTS, episode_facts
from metassl.reports.sweeps.seed_groups import SeedGroup, group_runs, score, value_of, varying
from metassl.runs.read import Run

MOST_NAMED = 6  # runs in one line
SWEPT = ("episode.", "evaluation.")  # keys that change the test episodes
WORDS = {"outcome": "", "score": "", "dataset": "", "reduced": "reduced data"} | TEST_FACTS | CLASS_FACTS | OTHER_FACTS


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


class Part(NamedTuple):
    """Runs that read the same test episodes, and what makes these, by name."""

    facts: Mapping[str, Hashable]
    runs: list[Run]


def sort_out(runs: Sequence[Run]) -> Sorted:
    """The runs by what they are tested on: outcome, score, data set, split and make-up of the episodes.

    Runs that sweep a number of the make-up, such as episode.unlabelled, stay together. Where some can be
    compared, those that stand alone are left out, a line for each such; where none can, all stay in a table
    of their outcome, which compares none.
    """
    parts = _parts([run for run in runs if run.finished])
    _add_unfinished(parts, [run for run in runs if not run.finished])
    kept = [part for part in parts if len(group_runs(part.runs)) > 1]
    alone = [part for part in parts if part not in kept]
    if not kept:
        kept, alone = _by_outcome(parts), []
    if not kept:
        return Sorted([Section("", list(runs))])
    largest = max(kept, key=lambda part: len(part.runs))
    return Sorted(_named(kept, runs), [_line(part, largest) for part in alone])


def _parts(finished: Sequence[Run]) -> list[Part]:
    """The finished runs, in the order of the first run of each part."""
    kinds: dict[tuple[Hashable, ...], list[Run]] = {}
    for run in finished:
        kinds.setdefault((run.outcome, run.score, value_of(run, "dataset"), run.result("split")), []).append(run)
    parts: dict[tuple[Hashable, ...], Part] = {}
    for kind, members in kinds.items():
        facts = [fact for fact in episode_facts(members) if fact != "split"]
        fixed = [fact for fact in facts if not _is_swept(fact, members)]
        names = ("outcome", "score", "dataset", "split", "reduced", *fixed)
        for run in members:
            values = (*kind, bool(run.result("reduced")), *(_plain(run.result(fact)) for fact in fixed))
            parts.setdefault(values, Part(dict(zip(names, values, strict=True)), [])).runs.append(run)
    return list(parts.values())


def _plain(value: object) -> str:
    return NOTHING if value is None else str(value)


def _is_swept(fact: str, runs: Sequence[Run]) -> bool:
    """Whether a fact follows from overrides, and most methods have several values of it."""
    if len({_plain(run.result(fact)) for run in runs}) < 2:
        return False
    vary = varying(runs)
    keys = [key for key in vary if key.startswith(SWEPT)]
    of_keys: dict[tuple[str, ...], set[str]] = {}
    of_methods: dict[tuple[str, ...], set[str]] = {}
    for run in runs:
        found = _plain(run.result(fact))
        of_keys.setdefault(tuple(value_of(run, key) for key in keys), set()).add(found)
        method = ("model", "ssl", *(key for key in vary if key not in keys))
        of_methods.setdefault(tuple(value_of(run, key) for key in method), set()).add(found)
    follows = all(len(found) == 1 for found in of_keys.values())
    return follows and 2 * sum(len(found) > 1 for found in of_methods.values()) >= len(of_methods)


def _add_unfinished(parts: Sequence[Part], runs: Sequence[Run]) -> None:
    """A run without results belongs to the first part that it could be of."""
    for run in runs:
        known = {"outcome": run.outcome, "dataset": value_of(run, "dataset")}
        for part in parts:
            if run.seed is not None and known.items() <= part.facts.items():
                part.runs.append(run)
                break


def _by_outcome(parts: Sequence[Part]) -> list[Part]:
    found: dict[tuple[Hashable, ...], Part] = {}
    for part in parts:
        facts = {key: part.facts[key] for key in ("outcome", "score")}
        found.setdefault(tuple(facts.values()), Part(facts, [])).runs.extend(part.runs)
    return list(found.values())


def _named(parts: Sequence[Part], runs: Sequence[Run]) -> list[Section]:
    """The parts as sections, whose names say what they differ in, and whose runs are in their first order."""
    if len(parts) == 1:
        inside = set(parts[0].runs) | {run for run in runs if run.seed is None}
        return [Section("", [run for run in runs if run in inside])]
    outcomes = [str(part.facts["outcome"]) for part in parts]
    vary = [key for key in WORDS if len({_plain(part.facts.get(key)) for part in parts}) > 1]
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
    return f"{WORDS[key]} {_plain(value)}".strip()


def _line(part: Part, largest: Part) -> str:
    """Why a part is compared with nothing."""
    finished = [run for run in part.runs if run.finished]
    names = [run.folder.name for run in finished]
    named = ", ".join(names[:MOST_NAMED]) + (f" and {len(names) - MOST_NAMED} more" if names[MOST_NAMED:] else "")
    (group,) = group_runs(part.runs)
    found = score(group, group.decides.name)
    value = "" if found is None else f", {group.decides.title} {shown(group.decides, found)}"
    keys = [key for key in WORDS if _plain(part.facts.get(key)) != _plain(largest.facts.get(key))]
    other = [key for key in keys if key in part.facts and key in largest.facts]
    other = other[:1] if other[:1] in (["outcome"], ["score"]) else other  # which make the others differ
    why = "; ".join(
        f"{WORDS[key] or key} {_plain(part.facts[key])} where the others have {_plain(largest.facts[key])}"
        for key in other
    )
    return f"{named} ({group.label}{value}): {why or 'other test episodes'}."


def seeds_of(groups: Sequence[SeedGroup]) -> str:
    """How many seeds the groups have, such as '3' or '1 to 3'."""
    counts = sorted({len(group.finished) for group in groups if group.finished})
    return distinct(counts) if len(counts) < 2 else f"{counts[0]} to {counts[-1]}"
