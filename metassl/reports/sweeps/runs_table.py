"""Each run of a report: where it lies, how it ended, and the command that repeats it."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from metassl.evaluation.intervals import Interval, shown
from metassl.outcomes.scores import score_named
from metassl.reports.blocks import Block, Folded, Grid
from metassl.reports.cells import Cell, Code, Link, Toned
from metassl.reports.markdown import NOTHING
from metassl.reports.sweeps.seed_groups import value_of
from metassl.runs.read import Run

RETESTS = "evaluations"  # the folder in a run's own where metassl evaluate writes


def runs_table(runs: Sequence[Run], page: Path) -> Block:
    """The runs as a table, folded on a page.

    Args:
        runs: finished and not.
        page: the folder of the report, from which the links lead.
    """
    head = ["run", "model", "ssl", "seed", "test ± 95% over episodes", "validation", "status", "to repeat it"]
    return Folded("Runs", [Grid(head, [_row(run, page) for run in runs])])


def command(run: Run) -> str:
    """The command line that makes the run again."""
    if run.folder.parent.name == RETESTS:
        return shlex.join(["metassl", "evaluate", f"run={run.folder.parent.parent}", *run.overrides])
    return shlex.join(["metassl", "train", *run.overrides])


def _row(run: Run, page: Path) -> list[Cell]:
    link = Link.to(run.folder, run.folder.name or ".", page)
    if run.seed is None:
        return [link, *[NOTHING] * 5, _status(run), NOTHING]
    about = [value_of(run, "model"), value_of(run, "ssl"), str(run.seed)]
    return [link, *about, _score(run, run.score), _score(run, "validation"), _status(run), Code(command(run))]


def _status(run: Run) -> Toned:
    if run.finished:
        return Toned("done", "good")
    return Toned(run.status if run.status != "done" else "no results", "bad")


def _score(run: Run, what: str) -> str:
    """A score with its interval over the episodes."""
    found = run.result(what)
    if found is None:
        return NOTHING
    width = found.get("ci95")
    interval = Interval(found["mean"], float("nan") if width is None else width, 1)
    return shown(score_named(run.score, run.folder), interval)
