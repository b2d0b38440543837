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
        given = [fact for fact in facts if not _follows(fact, members)]
        for alike in _by_facts(given, members).values():
            fixed = [*given, *(fact for fact in facts if fact not in given and not _is_crossed(fact, alike))]
            names = ("outcome", "score", "dataset", "split", "reduced", *fixed)
            for run in alike:
                values = (*kind, bool(run.result("reduced")), *_values(fixed, run))
                part = parts.setdefault((*names, *values), Part(dict(zip(names, values, strict=True)), []))
                part.runs.append(run)
    return list(parts.values())


def _values(facts: Sequence[str], run: Run) -> tuple[str, ...]:
    return tuple(as_text(run.result(fact)) for fact in facts)


def _by_facts(facts: Sequence[str], runs: Sequence[Run]) -> dict[tuple[str, ...], list[Run]]:
    found: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        found.setdefault(_values(facts, run), []).append(run)
    return found


def as_text(value: object) -> str:
    """A value of a results file as one text; those of other types don't go together."""
    return NOTHING if value is None else str(value)


def _keys(fact: str, runs: Sequence[Run]) -> list[str]:
    """The keys that vary and set a fact, such as episode.test.unlabelled that of unlabelled."""
    keys = [key for key in varying(runs) if key.startswith(SWEPT)]
    return [key for key in keys if fact == "make_up" or key.rpartition(".")[2] in fact]


def _follows(fact: str, runs: Sequence[Run]) -> bool:
    """Whether a fact varies as overrides say, and by nothing else."""
    keys = _keys(fact, runs)
    found: dict[tuple[str, ...], set[str]] = {}
    for run in runs:
        found.setdefault(tuple(value_of(run, key) for key in keys), set()).add(as_text(run.result(fact)))
    return len(found) > 1 and all(len(values) == 1 for values in found.values())


def _is_crossed(fact: str, runs: Sequence[Run]) -> bool:
    """Whether half of the methods, or more, have several values of a fact."""
    keys = set(_keys(fact, runs))
    rest = ("model", "ssl", *(key for key in varying(runs) if key not in keys))
    found: dict[tuple[str, ...], set[str]] = {}
    for run in runs:
        found.setdefault(tuple(value_of(run, key) for key in rest), set()).add(as_text(run.result(fact)))
    return 2 * sum(len(values) > 1 for values in found.values()) >= len(found)


def add_unfinished(parts: Sequence[Part], runs: Sequence[Run]) -> None:
    """A run without results belongs to the first part that it could be of."""
    for run in runs:
        known = {"outcome": run.outcome, "dataset": value_of(run, "dataset")}
        for part in parts:
            if run.seed is not None and known.items() <= part.facts.items():
                part.runs.append(run)
                break


def by_outcome(parts: Sequence[Part]) -> list[Part]:
    """All runs of an outcome together, whatever they were tested on."""
    found: dict[tuple[Hashable, ...], Part] = {}
    for part in parts:
        facts = {key: part.facts[key] for key in ("outcome", "score")}
        found.setdefault(tuple(facts.values()), Part(facts, [])).runs.extend(part.runs)
    return list(found.values())
