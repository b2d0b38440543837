"""Group a sweep's runs by what differs apart from the seed, and write the results as Markdown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from pathlib import Path

import numpy as np

from metassl.evaluation.intervals import Interval, over_seeds, paired
from metassl.evaluation.runs import Run, read_episodes

NOTHING = "–"  # an empty cell

# What makes the test episodes, and how the protocol calls it: only groups that agree in all of these
# are compared.
EPISODE_FACTS = {
    "split": "split",
    "episodes": "episodes",
    "way": "way",
    "shot": "shot",
    "queries": "queries a class",
    "unlabelled": "unlabelled a class (M)",
    "distractors": "distractor classes",
    "distractor_unlabelled": "unlabelled a distractor class",
    "imbalance": "imbalance",
    "class_aware": "class-aware",
}
EPISODE_KEYS = ("dataset", "episode")


@dataclass(frozen=True, eq=False)
class Group:
    """Runs that differ in nothing but the seed. `extra` holds the other keys that vary over the sweep."""

    model: str
    ssl: str
    extra: tuple[tuple[str, str], ...]
    runs: tuple[Run, ...]

    @property
    def finished(self) -> tuple[Run, ...]:
        """The runs with test results."""
        return tuple(run for run in self.runs if run.finished)

    @property
    def row(self) -> str:
        """The model and the other varying keys: all but the SSL objective, a line each."""
        return "\n".join([self.model, *(f"{key}={value}" for key, value in self.extra)])

    @property
    def label(self) -> str:
        """One line that names the group, for example 'maml + vat, episode.unlabelled=5'."""
        return ", ".join([f"{self.model} + {self.ssl}", *(f"{key}={value}" for key, value in self.extra)])


def group_runs(runs: Iterable[Run]) -> list[Group]:
    """Groups in the order of their first job. Jobs that never started belong to none."""
    started = [run for run in runs if run.seed is not None]
    keys = _varying(started)
    groups: dict[tuple[str, ...], list[Run]] = {}
    for run in started:
        groups.setdefault(tuple(_value(run, key) for key in ("model", "ssl", *keys)), []).append(run)
    return [
        Group(model, ssl, tuple(zip(keys, values, strict=True)), tuple(members))
        for (model, ssl, *values), members in groups.items()
    ]


def score(group: Group, what: str) -> Interval | None:
    """The interval of 'accuracy', 'gain' or 'without_unlabelled', as fractions.

    Over seeds where the group has two or more finished runs, else the run's own interval over its
    episodes. None unless every finished run has the score: a mean over some seeds isn't comparable.
    """
    found = [run.result(what) for run in group.finished]
    if not found or any(entry is None for entry in found):
        return None
    if len(found) > 1:
        return over_seeds([entry["mean"] for entry in found])
    mean, width = found[0]["mean"], found[0].get("ci95")
    return Interval(mean, nan if width is None else width, group.finished[0].result("episodes") or 0)


def results_table(groups: Sequence[Group], digits: int = 1) -> str:
    """The Markdown table of the groups with results, accuracies in percent; the best mean is bold."""
    shown = [group for group in groups if group.finished]
    if not shown:
        return "No job has finished.\n"
    best = {id(group) for group in _best_of_each_setting(shown)}
    keys = [key for key, _ in shown[0].extra]
    head = ["model", "ssl", *keys, f"accuracy % ± 95% {_kind(shown)}", "gain of U", "without U", "seeds n"]
    head += ["M", "distractors", "predictions", "norm", "steps", "wall time", "commit"]
    rows = [head, ["---"] * len(head)] + [_row(group, id(group) in best, digits) for group in shown]
    notes = ["Gain of U: accuracy minus the accuracy of the same model without U on the same episodes."]
    if best:
        notes.append("Bold: the highest mean among the rows tested on the same episodes.")
    if any(len(group.finished) > 1 for group in shown):
        notes.append("±: Student's t over seeds.")
    if any(len(group.finished) == 1 for group in shown):
        notes.append("†: one seed, so ± is 1.96·s/√n over its test episodes and says nothing about seeds.")
    return "\n".join("| " + " | ".join(map(_cell, row)) + " |" for row in rows) + f"\n\n{' '.join(notes)}\n"


def comparisons(groups: Sequence[Group], digits: int = 1) -> list[str]:
    """Best minus each other group of its setting, paired by episode; whether the interval excludes 0."""
    shown = [group for group in groups if group.finished]
    lines = []
    for best in _best_of_each_setting(shown):
        others = [group for group in shown if group is not best and _setting(group) == _setting(best)]
        for other in others:
            difference = paired_difference(best, other)
            if difference is not None:
                verdict = "excludes 0" if difference.excludes_zero else "doesn't exclude 0"
                amount = difference.percent(digits, signed=True)
                lines.append(f"**{best.label}** minus {other.label}: {amount} ({verdict})")
    return lines


def paired_difference(a: Group, b: Group) -> Interval | None:
    """Accuracy of a − b over episodes, each episode averaged over the seeds that both groups have.

    None where they share no seed, or a run stored no episodes or other ones.
    """
    seeds = {run.seed for run in a.finished} & {run.seed for run in b.finished}
    tables = [[read_episodes(run) for run in g.finished if run.seed in seeds] for g in (a, b)]
    stored = [[table for table in side if table] for side in tables]
    if not seeds or stored != tables or len({frozenset(table) for side in stored for table in side}) != 1:
        return None
    numbers = sorted(stored[0][0])
    means = [np.mean([[table[number] for number in numbers] for table in side], axis=0) for side in stored]
    return paired(*means)


def failures_table(runs: Iterable[Run], sweep: Path) -> str:
    """The Markdown table of the jobs without results and their error line; empty where all finished."""
    rows = [["job", "overrides", "status", "error"], ["---"] * 4]
    for run in runs:
        if not run.finished:
            job = "." if run.folder == sweep else run.folder.name
            reason = run.error or ("no results.json" if run.status == "done" else NOTHING)
            rows.append([job, " ".join(run.overrides) or NOTHING, run.status, reason])
    return "\n".join("| " + " | ".join(map(_cell, row)) + " |" for row in rows) + "\n" if rows[2:] else ""


def task(runs: Iterable[Run]) -> str:
    """A picture's title: 'glyphs, 5-way 1-shot'; 'a / b' where a part varies over the finished runs."""
    done = [run for run in runs if run.finished]
    dataset = _distinct(_value(run, "dataset") for run in done)
    return f"{dataset}, {_fact(done, 'way')}-way {_fact(done, 'shot')}-shot"


def protocol(runs: Iterable[Run]) -> str:
    """One line with all that a number in the table depends on; 'a / b' where it varies over the runs."""
    done = [run for run in runs if run.finished]
    facts = [f"{name} {_fact(done, key)}" for key, name in EPISODE_FACTS.items()]
    facts += [f"U used at {_fact(done, 'at')}", f"norm {_fact(done, 'norm')}", _predictions(done)]
    facts += [f"training steps {_fact(done, 'steps')}"]
    facts += [f"{key} {_distinct(_value(run, key) for run in done)}" for key in ("backbone", "optimizer")]
    facts += [f"seeds {_distinct(run.seed for run in done)}", f"commit {_commit(done)}"]
    return f"Protocol: dataset {_distinct(_value(run, 'dataset') for run in done)}, {', '.join(facts)}."


def _row(group: Group, best: bool, digits: int) -> list[str]:
    runs = group.finished
    accuracy, gain, without = (score(group, what) for what in ("accuracy", "gain", "without_unlabelled"))
    mark = " †" if len(runs) == 1 else ""
    text = accuracy.percent(digits) if accuracy else NOTHING
    cells = [group.model, group.ssl, *(value for _, value in group.extra)]
    cells += [f"**{text}**{mark}" if best else text + mark]
    cells += [gain.percent(digits, signed=True) + mark if gain else NOTHING]
    cells += [without.percent(digits) + mark if without else NOTHING, str(len(runs))]
    cells += [_fact(runs, "unlabelled"), _fact(runs, "distractors"), _predictions(runs)]
    cells += [_fact(runs, "norm"), _fact(runs, "steps"), _wall_time(runs), _commit(runs)]
    return cells


def _best_of_each_setting(groups: Sequence[Group]) -> list[Group]:
    """The highest finite mean among the groups tested on the same episodes, where there are two or more."""
    settings: dict[tuple[str, ...], list[tuple[float, Group]]] = {}
    for group in groups:
        accuracy = score(group, "accuracy")
        if accuracy is not None and isfinite(accuracy.mean):
            settings.setdefault(_setting(group), []).append((accuracy.mean, group))
    return [max(found, key=lambda pair: pair[0])[1] for found in settings.values() if len(found) > 1]


def _setting(group: Group) -> tuple[str, ...]:
    facts = [_distinct(_value(run, "dataset") for run in group.finished)]
    facts += [_fact(group.finished, key) for key in EPISODE_FACTS]
    return (*facts, *(value for key, value in group.extra if key.split(".")[0] in EPISODE_KEYS))


def _varying(runs: Sequence[Run]) -> list[str]:
    keys = dict.fromkeys(key for run in runs for key in _overrides(run))
    fixed = ("model", "ssl", "seed")
    return [key for key in keys if key not in fixed and len({_value(run, key) for run in runs}) > 1]


def _overrides(run: Run) -> dict[str, str]:
    """{key: value} of Hydra's override grammar: '+' and '++' add a key, '~' removes one."""
    pairs = (entry.lstrip("+").partition("=") for entry in run.overrides)
    return {key: value or "removed" for key, _, value in pairs if not key.startswith("hydra")}


def _value(run: Run, key: str) -> str:
    return run.choices.get(key) or _overrides(run).get(key, "default")


def _fact(runs: Iterable[Run], key: str) -> str:
    return _distinct(run.result(key) for run in runs)


def _predictions(runs: Iterable[Run]) -> str:
    names = {True: "transductive", False: "inductive"}
    return _distinct(names.get(run.result("transductive")) for run in runs)


def _commit(runs: Iterable[Run]) -> str:
    """Seven digits; '+' marks a working tree with changes that the commit doesn't hold."""
    commits = ((str(run.result("commit") or ""), run.dirty) for run in runs)
    return _distinct(commit[:7] + "+" * dirty if commit else None for commit, dirty in commits)


def _wall_time(runs: Sequence[Run]) -> str:
    seconds = [run.result("wall_seconds") for run in runs]
    known = [float(value) for value in seconds if value is not None]
    return f"{sum(known) / len(known):.0f} s" if known else NOTHING


def _distinct(values: Iterable[object]) -> str:
    return " / ".join(dict.fromkeys(NOTHING if value is None else str(value) for value in values)) or NOTHING


def _kind(groups: Sequence[Group]) -> str:
    kinds = {"over seeds" if len(group.finished) > 1 else "over episodes †" for group in groups}
    return " or ".join(sorted(kinds, reverse=True))


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
