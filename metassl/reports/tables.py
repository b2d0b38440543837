"""The results of a sweep's groups as Markdown."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from metassl.reports.groups import (
    EPISODE_FACTS,
    NOTHING,
    Group,
    best_of_each_setting,
    distinct,
    fact,
    score,
    value_of,
)
from metassl.reports.runs import Run


def results_table(groups: Sequence[Group], digits: int = 1) -> str:
    """The Markdown table of the groups with results, accuracies in percent; the best mean is bold."""
    shown = [group for group in groups if group.finished]
    if not shown:
        return "No job has finished.\n"
    best = {id(group) for group in best_of_each_setting(shown)}
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
    dataset = distinct(value_of(run, "dataset") for run in done)
    return f"{dataset}, {fact(done, 'way')}-way {fact(done, 'shot')}-shot"


def protocol(runs: Iterable[Run]) -> str:
    """One line with all that a number in the table depends on; 'a / b' where it varies over the runs."""
    done = [run for run in runs if run.finished]
    facts = [f"{name} {fact(done, key)}" for key, name in EPISODE_FACTS.items()]
    facts += [f"U used at {fact(done, 'at')}", f"norm {fact(done, 'norm')}", _predictions(done)]
    facts += [f"training steps {fact(done, 'steps')}"]
    facts += [f"{key} {distinct(value_of(run, key) for run in done)}" for key in ("backbone", "optimizer")]
    facts += [f"seeds {distinct(run.seed for run in done)}", f"commit {_commit(done)}"]
    return f"Protocol: dataset {distinct(value_of(run, 'dataset') for run in done)}, {', '.join(facts)}."


def _row(group: Group, best: bool, digits: int) -> list[str]:
    runs = group.finished
    accuracy, gain, without = (score(group, what) for what in ("accuracy", "gain", "without_unlabelled"))
    mark = " †" if len(runs) == 1 else ""
    text = accuracy.percent(digits) if accuracy else NOTHING
    cells = [group.model, group.ssl, *(value for _, value in group.extra)]
    cells += [f"**{text}**{mark}" if best else text + mark]
    cells += [gain.percent(digits, signed=True) + mark if gain else NOTHING]
    cells += [without.percent(digits) + mark if without else NOTHING, str(len(runs))]
    cells += [fact(runs, "unlabelled"), fact(runs, "distractors"), _predictions(runs)]
    cells += [fact(runs, "norm"), fact(runs, "steps"), _wall_time(runs), _commit(runs)]
    return cells


def _predictions(runs: Iterable[Run]) -> str:
    names = {True: "transductive", False: "inductive"}
    return distinct(names.get(run.result("transductive")) for run in runs)


def _commit(runs: Iterable[Run]) -> str:
    """Seven digits; '+' marks a working tree with changes that the commit doesn't hold."""
    commits = ((str(run.result("commit") or ""), run.dirty) for run in runs)
    return distinct(commit[:7] + "+" * dirty if commit else None for commit, dirty in commits)


def _wall_time(runs: Sequence[Run]) -> str:
    seconds = [run.result("wall_seconds") for run in runs]
    known = [float(value) for value in seconds if value is not None]
    return f"{sum(known) / len(known):.0f} s" if known else NOTHING


def _kind(groups: Sequence[Group]) -> str:
    kinds = {"over seeds" if len(group.finished) > 1 else "over episodes †" for group in groups}
    return " or ".join(sorted(kinds, reverse=True))


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
