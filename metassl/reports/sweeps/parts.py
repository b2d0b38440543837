"""Splits runs by what they are tested on."""

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

from metassl.reports.markdown import NOTHING
from metassl.reports.sweeps.protocol import episode_facts
from metassl.reports.sweeps.seed_groups import value_of, varying
from metassl.runs.read import Run

SWEPT = ("episode.", "evaluation.")  # keys that change the test episodes


class Part(NamedTuple):
    """Runs that read the same test episodes, and what makes these, by name."""

    facts: Mapping[str, Hashable]
    runs: list[Run]


def parts_of(finished: Sequence[Run]) -> list[Part]:
    """The finished runs, in the order of the first run of each part."""
    kinds: dict[tuple[Hashable, ...], list[Run]] = {}
    for run in finished:
        kinds.setdefault((run.outcome, run.score, value_of(run, "dataset"), run.result("split")), []).append(
            run
        )
    parts: dict[tuple[Hashable, ...], Part] = {}
    for kind, members in kinds.items():
        facts = [fact for fact in episode_facts(members) if fact != "split"]
        fixed = [fact for fact in facts if not _is_swept(fact, members)]
        names = ("outcome", "score", "dataset", "split", "reduced", *fixed)
        for run in members:
            values = (*kind, bool(run.result("reduced")), *(as_text(run.result(fact)) for fact in fixed))
            parts.setdefault(values, Part(dict(zip(names, values, strict=True)), [])).runs.append(run)
    return list(parts.values())


def as_text(value: object) -> str:
    return NOTHING if value is None else str(value)


def _is_swept(fact: str, runs: Sequence[Run]) -> bool:
    """Whether a fact follows from overrides, and most methods have several values of it."""
    if len({as_text(run.result(fact)) for run in runs}) < 2:
        return False
    vary = varying(runs)
    keys = [key for key in vary if key.startswith(SWEPT)]
    of_keys: dict[tuple[str, ...], set[str]] = {}
    of_methods: dict[tuple[str, ...], set[str]] = {}
    for run in runs:
        found = as_text(run.result(fact))
        of_keys.setdefault(tuple(value_of(run, key) for key in keys), set()).add(found)
        method = ("model", "ssl", *(key for key in vary if key not in keys))
        of_methods.setdefault(tuple(value_of(run, key) for key in method), set()).add(found)
    follows = all(len(found) == 1 for found in of_keys.values())
    return follows and 2 * sum(len(found) > 1 for found in of_methods.values()) >= len(of_methods)


def add_unfinished(parts: Sequence[Part], runs: Sequence[Run]) -> None:
    """A run without results belongs to the first part that it could be of."""
    for run in runs:
        known = {"outcome": run.outcome, "dataset": value_of(run, "dataset")}
        for part in parts:
            if run.seed is not None and known.items() <= part.facts.items():
                part.runs.append(run)
                break


def by_outcome(parts: Sequence[Part]) -> list[Part]:
    found: dict[tuple[Hashable, ...], Part] = {}
    for part in parts:
        facts = {key: part.facts[key] for key in ("outcome", "score")}
        found.setdefault(tuple(facts.values()), Part(facts, [])).runs.extend(part.runs)
    return list(found.values())
