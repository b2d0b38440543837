"""The results of a sweep as Markdown tables."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from metassl.reports.markdown import NOTHING, markdown_table
from metassl.reports.sweeps.protocol import best_of_each_setting, commits, fact, predictions
from metassl.reports.sweeps.seed_groups import SeedGroup, score
from metassl.runs.read import Run


def results_table(groups: Sequence[SeedGroup], digits: int = 1) -> str:
    """The Markdown table of the groups with results, accuracies in percent; the best mean is bold."""
    shown = [group for group in groups if group.finished]
    if not shown:
        return "No job has finished.\n"
    best = {id(group) for group in best_of_each_setting(shown)}
    keys = [key for key, _ in shown[0].extra]
    head = ["model", "ssl", *keys, f"accuracy % ± 95% {_kind(shown)}", "gain of U", "without U", "seeds n"]
    head += ["M", "distractors", "predictions", "norm", "steps", "wall time", "commit"]
    rows = [_row(group, id(group) in best, digits) for group in shown]
    notes = ["Gain of U: accuracy minus the accuracy of the same model without U on the same episodes."]
    if best:
        notes.append("Bold: the highest mean among the rows tested on the same episodes.")
    if any(len(group.finished) > 1 for group in shown):
        notes.append("±: Student's t over seeds.")
    if any(len(group.finished) == 1 for group in shown):
        notes.append("†: one seed, so ± is 1.96·s/√n over its test episodes and says nothing about seeds.")
    return f"{markdown_table(head, rows)}\n\n{' '.join(notes)}\n"


def failures_table(runs: Iterable[Run], sweep: Path) -> str:
    """The Markdown table of the jobs without results and their error line; empty where all finished."""
    rows = []
    for run in runs:
        if not run.finished:
            job = "." if run.folder == sweep else run.folder.name
            reason = run.error or ("no results.json" if run.status == "done" else NOTHING)
            rows.append([job, " ".join(run.overrides) or NOTHING, run.status, reason])
    return markdown_table(["job", "overrides", "status", "error"], rows) + "\n" if rows else ""


def _row(group: SeedGroup, best: bool, digits: int) -> list[str]:
    runs = group.finished
    accuracy, gain, without = (score(group, what) for what in ("accuracy", "gain", "without_unlabelled"))
    mark = " †" if len(runs) == 1 else ""
    text = accuracy.percent(digits) if accuracy else NOTHING
    cells = [group.model, group.ssl, *(value for _, value in group.extra)]
    cells += [f"**{text}**{mark}" if best else text + mark]
    cells += [gain.percent(digits, signed=True) + mark if gain else NOTHING]
    cells += [without.percent(digits) + mark if without else NOTHING, str(len(runs))]
    cells += [fact(runs, "unlabelled"), fact(runs, "distractors"), predictions(runs)]
    cells += [fact(runs, "norm"), fact(runs, "steps"), _wall_time(runs), commits(runs)]
    return cells


def _wall_time(runs: Sequence[Run]) -> str:
    seconds = [run.result("wall_seconds") for run in runs]
    known = [float(value) for value in seconds if value is not None]
    return f"{sum(known) / len(known):.0f} s" if known else NOTHING


def _kind(groups: Sequence[SeedGroup]) -> str:
    """What the intervals are over."""
    kinds = {"over seeds" if len(group.finished) > 1 else "over episodes †" for group in groups}
    return " or ".join(sorted(kinds, reverse=True))
