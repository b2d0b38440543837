"""The map of pairs: scores, and what unlabelled examples are worth against each pair's twin."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from metassl.evaluation.intervals import shown
from metassl.evaluation.significance import holm, p_over_seeds
from metassl.outcomes.scores import ACCURACY
from metassl.reports.blocks import Block, Bullets, Grid, Heading, Paragraph, Picture
from metassl.reports.cells import Cell, Parts
from metassl.reports.heat_maps import Place, Sides, draw_heat_maps
from metassl.reports.markdown import NOTHING, Bold
from metassl.reports.pages import write_page
from metassl.reports.sweeps.protocol import protocol_line, task_title
from metassl.reports.sweeps.runs_table import runs_table
from metassl.reports.sweeps.score_map import gain_words, mean_scores, score_maps
from metassl.reports.sweeps.sections import sort_out
from metassl.reports.sweeps.seed_groups import SeedGroup, rows_and_columns, score, seed_values
from metassl.reports.sweeps.tables import FEW, failures_table
from metassl.reports.sweeps.words import interval_words
from metassl.runs.read import find_runs

TWIN = "none"
NOTE = (
    "{score}, mean over the seeds. Below it the gain over the twin, the same model trained with ssl=none and "
    "the same budget{unit}: paired on the same test episodes, with a 95% interval over the seeds "
    "(Student's t; of one seed, marked †, over its episodes). {comparisons} gains are compared with 0; bold: "
    "those that hold together by Holm's correction at 5%."
)
UNBALANCED_NOTE = (
    "The same with unbalanced U at test, {ratio:g} images of its largest class to one of its smallest. No "
    "pair is to be recommended by the balanced map alone."
)
GAINS = {"gain": "{score}", "unbalanced.gain": "unbalanced.{score}"}  # and the score that each belongs to


@dataclass(frozen=True)
class Marks:
    """Which gains hold together.

    Attributes:
        comparisons: how many were looked at.
        held: (kind of gain, row, column) of those that hold.
    """

    comparisons: int
    held: frozenset[tuple[str, str, str]]


def write_pair_map(sweep: Path) -> list[Path]:
    """Writes map.md, map.html and map.png of a sweep's folder; returns their paths.

    Runs that can't be compared have a map each. Raises UserError for a broken folder.
    """
    runs = find_runs(sweep)
    found = sort_out(runs)
    blocks: list[Block] = []
    pictures = []
    for section in found.sections:
        groups = [group for group in section.groups if group.finished]
        title = task_title(section.runs)
        marks = marked(groups)
        blocks += [Heading(title, 1 if section is found.sections[0] else 2), Paragraph(note(groups, marks))]
        blocks += [pair_table(groups, "gain", marks), *_unbalanced(groups, marks)]
        if any(len(group.finished) == 2 for group in groups):
            blocks.append(Paragraph(FEW, "Few seeds. "))
        picture = sweep / section.file("map.png")
        if _draw(groups, picture, title, marks):
            pictures.append(picture)
            blocks.append(Picture("The same as colours; * holds after correction.", picture.name))
        blocks.append(Paragraph(protocol_line(section.runs)))
    if found.left_out:
        blocks += [Heading("Left out"), Bullets(found.left_out)]
    failures = failures_table(runs, sweep)
    if failures:
        blocks += [Heading("Jobs without results"), failures]
    blocks.append(runs_table(runs, sweep))
    return [*write_page(task_title(runs), blocks, sweep, "map"), *pictures]


def note(groups: Sequence[SeedGroup], marks: Marks) -> str:
    """What the numbers of a map are."""
    decides = groups[0].decides if groups else ACCURACY
    words = gain_words(decides)
    opening = f"{decides.opening} in %" if decides.percent else decides.opening
    unit = f", in {words}" if decides.percent else f" ({words})"
    return NOTE.format(score=opening, unit=unit, comparisons=marks.comparisons)


def marked(groups: Sequence[SeedGroup]) -> Marks:
    """Which of all gains of a map, balanced and not, hold after Holm's correction."""
    found = {(gain, g.row, g.ssl): seed_values(g, gain) for g in groups for gain in GAINS}
    gains = {place: values for place, values in found.items() if values}
    holds = holm([p_over_seeds(values) for values in gains.values()])
    return Marks(len(gains), frozenset(place for place, held in zip(gains, holds, strict=True) if held))


def pair_table(groups: Sequence[SeedGroup], gain: str, marks: Marks) -> Grid:
    """The map as a table: a row a model, a column an objective.

    Args:
        groups: of the runs.
        gain: a key of GAINS.
        marks: which gains are bold.
    """
    rows, columns = _names(groups)
    cells = {(group.row, group.ssl): group for group in groups}

    def cell(row: str, column: str) -> Cell:
        return _cell(cells.get((row, column)), gain, (gain, row, column) in marks.held)

    return Grid(["model", *columns], [[row, *(cell(row, column) for column in columns)] for row in rows])


def _unbalanced(groups: Sequence[SeedGroup], marks: Marks) -> list[Block]:
    """The second map, where U was tested unbalanced."""
    found = [run.result("unbalanced") for group in groups for run in group.finished]
    ratios = {float(entry["imbalance"]) for entry in found if entry is not None}
    if not ratios:
        return []
    text = UNBALANCED_NOTE.format(ratio=max(ratios))
    return [Heading("Unbalanced U"), Paragraph(text), pair_table(groups, "unbalanced.gain", marks)]


def _draw(groups: Sequence[SeedGroup], path: Path, title: str, marks: Marks) -> bool:
    """Whether there is anything to draw."""
    if not groups:
        return False
    over, decides = Sides(*_names(groups)), groups[0].decides
    values, *gains = (mean_scores(groups, what, over, _place) for what in (decides.name, *GAINS))
    if not np.isfinite(values).any():
        return False
    maps = score_maps(decides, values, gains[0], "gain over the twin")
    maps += score_maps(decides, values, gains[1], "the same, unbalanced U")[1:]
    kinds = ["", *(kind for kind, found in zip(GAINS, gains, strict=True) if np.isfinite(found).any())]
    starred = [{(row, column) for kind, row, column in marks.held if kind == of} for of in kinds]
    maps = [replace(drawn, starred=places) for drawn, places in zip(maps, starred, strict=True)]
    note = interval_words(groups).split(", ±")[0] + "; *: the gain holds after Holm's correction"
    draw_heat_maps(over, maps, path, title, set(map(_place, groups)), note)
    return True


def _place(group: SeedGroup) -> Place:
    return group.row, group.ssl


def _cell(group: SeedGroup | None, gain: str, stands_out: bool) -> Cell:
    """The score, and below it the gain."""
    if group is None:
        return NOTHING
    decides = group.decides
    what = GAINS[gain].format(score=decides.name)
    found = score(group, what) or (score(group, decides.name) if group.ssl == TWIN else None)
    if found is None:
        return NOTHING
    text, gained = shown(decides, found).split(" ±")[0], score(group, gain)
    if gained is None:
        return text
    amount = shown(decides, gained, True)
    mark = ["†"] if len(group.finished) == 1 else []
    return Parts([text, Parts([Bold(amount) if stands_out else amount, *mark])], below=True)


def _names(groups: Sequence[SeedGroup]) -> tuple[list[str], list[str]]:
    """Rows and columns, the twin first."""
    rows, columns = rows_and_columns(groups)
    return rows, sorted(columns, key=lambda name: name != TWIN)
