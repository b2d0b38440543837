"""Which of two groups is better on identical test episodes, and whether chance could be the reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np

from metassl.evaluation.intervals import Interval, over_seeds, paired, shown
from metassl.evaluation.significance import holm, p_over_seeds
from metassl.reports.markdown import bold, escaped
from metassl.reports.sweeps.protocol import best_of_each_setting, setting
from metassl.reports.sweeps.seed_groups import SeedGroup
from metassl.runs.read import Run, read_episodes


@dataclass(frozen=True)
class Difference:
    """How much better one group is than another.

    Attributes:
        interval: of the mean; over seeds, or over the episodes where only one seed is shared.
        p: of no difference over seeds; nan for one seed.
    """

    interval: Interval
    p: float


def comparisons(groups: Sequence[SeedGroup], digits: int = 1) -> list[str]:
    """Best minus each other group of its setting, paired by episode, and whether it holds after correction.

    The best is that on validation. Where less is better it is the other minus the best, so that what is
    gained is above 0.
    """
    done = [group for group in groups if group.finished]
    found: list[tuple[SeedGroup, SeedGroup, Difference]] = []
    for best in best_of_each_setting(done):
        others = [group for group in done if group is not best and setting(group) == setting(best)]
        pairs = [(other, paired_difference(best, other)) for other in others]
        found += [(best, other, difference) for other, difference in pairs if difference is not None]
    holds = holm([difference.p for _, _, difference in found])
    lines = []
    for (best, other, difference), held in zip(found, holds, strict=True):
        amount = shown(best.decides, difference.interval, True, digits)
        names = [bold(best.label), escaped(other.label)]
        sides = names if best.decides.higher else reversed(names)
        lines.append(f"{' minus '.join(sides)}: {amount} ({_verdict(difference, held)})")
    return lines


def paired_difference(a: SeedGroup, b: SeedGroup) -> Difference | None:
    """How much better a scores than b, seed by seed on the same episodes, over the seeds that both have.

    None where they share no seed, or a run stored no episodes or other ones.
    """
    seeds = sorted(
        {run.seed for run in a.finished if run.seed is not None} & {run.seed for run in b.finished}
    )
    sides = [[read_episodes(run) for run in _of_seeds(g, seeds)] for g in (a, b)]
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


def _of_seeds(group: SeedGroup, seeds: Sequence[int]) -> list[Run]:
    """One run of each of these seeds, in their order: the last where a seed has several."""
    runs = {run.seed: run for run in group.finished}
    return [runs[seed] for seed in seeds]


def _verdict(difference: Difference, held: bool) -> str:
    if np.isnan(difference.p):
        return "one seed, so nothing follows for others"
    return f"p = {difference.p:.2g}, {'holds' if held else 'does not hold'} after correction"
