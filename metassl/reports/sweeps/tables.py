"""The results of a sweep as tables."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from metassl.evaluation.intervals import Interval, shown
from metassl.outcomes.scores import Score
from metassl.reports.blocks import Block, Grid, Paragraph
from metassl.reports.cells import Cell, Parts
from metassl.reports.markdown import NOTHING, Bold, distinct
from metassl.reports.sweeps.protocol import best_of_each_setting, commits, fact, have_classes, predictions
from metassl.reports.sweeps.seed_groups import SeedGroup, score
from metassl.runs.read import Run

FEW = (
    "An interval (Student's t) of two seeds is 12.7 standard errors wide to each side, one of three 4.3, of "
    "five 2.8: run three or more, such as seed=0,1,2."
)


class Columns(NamedTuple):
    """What not every table has: other scores, and head -> results key of what makes its tasks."""

    others: Sequence[Score]
    made: Mapping[str, str]


def results_table(groups: Sequence[SeedGroup], digits: int = 1) -> list[Block]:
    """The table of the groups with results, all of one outcome, and what it means; the best is bold.

    Args:
        groups: of the runs.
        digits: decimals of percentages; scores with a unit of their own have two more.
    """
    done = [group for group in groups if group.finished]
    if not done:
        return [Paragraph("No job has finished.")]
    best = {id(group) for group in best_of_each_setting(done)}
    decides, columns = done[0].decides, Columns(done[0].others, _made(done))
    head = ["model", "ssl", *(key for key, _ in done[0].extra)]
    head += [f"{decides.title}{' %' if decides.percent else ''} ± 95% {_kind(done)}"]
    head += ["gain of U", "gain, unbalanced U", "twin", *(other.name for other in columns.others), "seeds n"]
    head += [*columns.made, "predictions", "norm", "steps", "wall time", "commit"]
    rows = [_row(group, columns, id(group) in best, digits) for group in done]
    few = any(len(group.finished) == 2 for group in done)
    notes = [Paragraph(" ".join(_notes(done, columns.others, bool(best))))]
    return [Grid(head, rows), *notes, *([Paragraph(FEW, "Few seeds. ")] if few else [])]


def failures_table(runs: Iterable[Run], sweep: Path) -> Grid | None:
    """The jobs without results and their error line; None where all finished."""
    rows = []
    for run in runs:
        if not run.finished:
            job = "." if run.folder == sweep else run.folder.name
            reason = run.error or ("no results.json" if run.status == "done" else NOTHING)
            rows.append([job, " ".join(run.overrides) or NOTHING, run.status, reason])
    return Grid(["job", "overrides", "status", "error"], rows) if rows else None


def _notes(groups: Sequence[SeedGroup], others: Sequence[Score], any_best: bool) -> list[str]:
    """What the columns mean."""
    decides, title = groups[0].decides, groups[0].decides.title
    twin = f"the {title} of the twin, which was trained without U with the same budget"
    notes = [
        f"Gain of U: {title} minus {twin}, on the same episodes."
        if decides.higher
        else f"Gain of U (less error is +): {twin}, minus the {title} with it on the same episodes."
    ]
    notes += [_unbalanced_note(groups)] if any(score(g, "unbalanced.gain") for g in groups) else []
    if any_best:
        notes.append("Bold: the best on validation classes among the rows tested on the same episodes.")
    elif len(groups) > 1:
        notes.append(_nothing_bold(groups))
    notes += [f"{other.name}: {other.title}{' in %' if other.percent else ''}." for other in others]
    if any(len(group.finished) > 1 for group in groups):
        notes.append("±: Student's t over seeds.")
    if any(len(group.finished) == 1 for group in groups):
        notes.append("†: one seed, so ± is 1.96·s/√n over its test episodes and says nothing about seeds.")
    return notes


def _nothing_bold(groups: Sequence[SeedGroup]) -> str:
    missing = sum(score(group, "validation") is None for group in groups)
    if missing:
        return f"Nothing is bold: {missing} of {len(groups)} rows have no validation to choose by."
    return "Nothing is bold: no two rows were tested on the same episodes."


def _unbalanced_note(groups: Sequence[SeedGroup]) -> str:
    found = (run.result("unbalanced") for group in groups for run in group.finished)
    ratio = distinct(f"{entry['imbalance']:g} to 1" for entry in found if entry)
    return f"Unbalanced U: its largest class against its smallest, {ratio}."


def _made(groups: Sequence[SeedGroup]) -> dict[str, str]:
    made = {"M": "unlabelled"}
    classes = have_classes([run for group in groups for run in group.finished])
    return made | {"distractors": "distractors"} if classes else made


def _row(group: SeedGroup, columns: Columns, best: bool, digits: int) -> list[Cell]:
    runs, decides = group.finished, group.decides
    mark = " †" if len(runs) == 1 else ""
    text = _cell(decides, score(group, decides.name), "", digits)
    cells: list[Cell] = [group.model, group.ssl, *(value for _, value in group.extra)]
    cells += [Parts([Bold(text), *mark.split()]) if best else text + mark]
    gains = ("gain", "unbalanced.gain")
    cells += [_cell(decides, score(group, gain), mark, digits, signed=True) for gain in gains]
    cells += [_cell(decides, score(group, "twin"), mark, digits)]
    cells += [_cell(other, score(group, other.name), mark, digits) for other in columns.others]
    cells += [str(len(runs)), *(fact(runs, key) for key in columns.made.values()), predictions(runs)]
    cells += [fact(runs, "norm"), fact(runs, "steps"), _wall_time(runs), commits(runs)]
    return cells


def _cell(of: Score, interval: Interval | None, mark: str, digits: int, signed: bool = False) -> str:
    return NOTHING if interval is None else shown(of, interval, signed, digits) + mark


def _wall_time(runs: Sequence[Run]) -> str:
    seconds = [run.result("wall_seconds") for run in runs]
    known = [float(value) for value in seconds if value is not None]
    return f"{sum(known) / len(known):.0f} s" if known else NOTHING


def _kind(groups: Sequence[SeedGroup]) -> str:
    """What the intervals are over."""
    kinds = {"over seeds" if len(group.finished) > 1 else "over episodes †" for group in groups}
    return " or ".join(sorted(kinds, reverse=True))
