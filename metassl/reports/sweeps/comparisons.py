"""Which of two groups is better on identical test episodes, and whether chance could be the reason."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np

from metassl.evaluation.intervals import Interval, over_seeds, paired, shown
from metassl.evaluation.significance import holm, p_over_seeds
from metassl.reports.blocks import Block, Bullets, Grid, Heading, Paragraph
from metassl.reports.cells import Toned
from metassl.reports.markdown import NOTHING, Bold
from metassl.reports.sweeps.protocol import best_of_each_setting, setting
from metassl.reports.sweeps.seed_groups import SeedGroup
from metassl.runs.read import Run, read_episodes

NOTE = (
    "{unit}, paired by test episode, with a 95% interval over the shared seeds (Student's t). The best was "
    "chosen on validation. Of {comparisons} comparisons those are said to hold that do so together, by "
    "Holm's correction at 5%."
)
Episodes = Mapping[int, float]


@dataclass(frozen=True)
class Difference:
    """How much better one group is than another.

    Attributes:
        interval: of the mean; over seeds, or over the episodes where only one seed is shared.
        p: of no difference over seeds; nan for one seed.
    """

    interval: Interval
    p: float


@dataclass(frozen=True)
class Comparison:
    """The best of a setting against another group; `held` after Holm's correction over all comparisons."""

    best: SeedGroup
    other: SeedGroup
    difference: Difference
    held: bool

    @property
    def verdict(self) -> Toned:
        """What follows, in words and as a colour."""
        if np.isnan(self.difference.p):
            return Toned("one seed, so nothing follows for others", "unsure")
        if not self.held:
            return Toned("does not hold after correction", "unsure")
        worse = self.difference.interval.mean < 0
        return Toned("holds: the best is worse on the test" if worse else "holds", "bad" if worse else "good")


@dataclass(frozen=True)
class Comparisons:
    """All of a section, and a line for each pair that can't be compared."""

    made: Sequence[Comparison]
    not_made: Sequence[str]


def comparisons(groups: Sequence[SeedGroup]) -> Comparisons:
    """Best minus each other group of its setting, paired by episode, and whether it holds after correction.

    The best is that on validation. Where less is better it is the other minus the best, so that what is
    gained is above 0.
    """
    done = [group for group in groups if group.finished]
    settings = {id(group): setting(group) for group in done}
    found: list[tuple[SeedGroup, SeedGroup, Difference]] = []
    not_made = []
    for best in best_of_each_setting(done):
        kept = {run.folder: read_episodes(run) for run in best.finished}

        def read(run: Run, kept: Mapping = kept) -> Episodes | None:
            return kept[run.folder] if run.folder in kept else read_episodes(run)

        for other in (g for g in done if g is not best and settings[id(g)] == settings[id(best)]):
            difference = paired_difference(best, other, read)
            if difference is None:
                not_made.append(
                    f"{best.label} with {other.label}: they share no seed with the same stored episodes."
                )
            else:
                found.append((best, other, difference))
    holds = holm([difference.p for _, _, difference in found])
    made = [Comparison(*parts, held) for parts, held in zip(found, holds, strict=True)]
    return Comparisons(made, not_made)


def paired_difference(
    a: SeedGroup, b: SeedGroup, read: Callable[[Run], Episodes | None] = read_episodes
) -> Difference | None:
    """How much better a scores than b, seed by seed on the same episodes, over the seeds that both have.

    None where they share no seed, or a run stored no episodes or other ones.
    """
    seeds = sorted(
        {run.seed for run in a.finished if run.seed is not None} & {run.seed for run in b.finished}
    )
    sides = [[read(run) for run in _of_seeds(g, seeds)] for g in (a, b)]
    stored = [[table for table in side if table] for side in sides]
    if not seeds or stored != sides or len({frozenset(table) for side in stored for table in side}) != 1:
        return None
    numbers = sorted(stored[0][0])
    values = [np.array([[table[number] for number in numbers] for table in side]) for side in stored]
    better, worse = values if a.decides.higher else reversed(values)
    if len(seeds) == 1:
        return Difference(paired(better[0], worse[0]), nan)
    by_seed = (better - worse).mean(1)
    return Difference(over_seeds(by_seed), p_over_seeds(by_seed))


def comparison_blocks(found: Comparisons, digits: int = 1) -> list[Block]:
    """The comparisons as a table; nothing where there are none."""
    if not found.made and not found.not_made:
        return []
    blocks: list[Block] = [Heading("The best against the others")]
    if found.made:
        decides = found.made[0].best.decides
        unit = "Percentage points" if decides.percent else f"{decides.opening}, less error is +"
        unit = unit if decides.percent or not decides.higher else decides.opening
        blocks.append(Paragraph(NOTE.format(unit=unit, comparisons=len(found.made))))
        head = ["the best", "against", "the best is better by", "p", "verdict"]
        blocks.append(Grid(head, [_row(comparison, digits) for comparison in found.made]))
    return [
        *blocks,
        *([Bullets([f"Not compared: {line}" for line in found.not_made])] if found.not_made else []),
    ]


def _row(found: Comparison, digits: int) -> list[str | Toned]:
    p = found.difference.p
    amount = shown(found.best.decides, found.difference.interval, True, digits)
    p_text = NOTHING if np.isnan(p) else f"{p:.2g}"
    return [Bold(found.best.label), found.other.label, amount, p_text, found.verdict]


def _of_seeds(group: SeedGroup, seeds: Sequence[int]) -> list[Run]:
    """One run of each of these seeds, in their order: the last where a seed has several."""
    runs = {run.seed: run for run in group.finished}
    return [runs[seed] for seed in seeds]
