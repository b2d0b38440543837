"""Which of two groups is better on identical test episodes, and whether chance could be the reason."""

from collections.abc import Sequence

import numpy as np

from metassl.evaluation.intervals import Interval, paired, shown
from metassl.reports.sweeps.protocol import best_of_each_setting, setting
from metassl.reports.sweeps.seed_groups import SeedGroup
from metassl.runs.read import read_episodes


def comparisons(groups: Sequence[SeedGroup], digits: int = 1) -> list[str]:
    """Best minus each other group of its setting, paired by episode; whether the interval excludes 0.

    Where less is better it is the other minus the best, so that what is gained is above 0.
    """
    done = [group for group in groups if group.finished]
    lines = []
    for best in best_of_each_setting(done):
        others = [group for group in done if group is not best and setting(group) == setting(best)]
        for other in others:
            difference = paired_difference(best, other)
            if difference is not None:
                verdict = "excludes 0" if difference.excludes_zero else "doesn't exclude 0"
                amount = shown(best.decides, difference, True, digits)
                names = [f"**{best.label}**", other.label]
                sides = names if best.decides.higher else reversed(names)
                lines.append(f"{' minus '.join(sides)}: {amount} ({verdict})")
    return lines


def paired_difference(a: SeedGroup, b: SeedGroup) -> Interval | None:
    """How much better a scores than b over the episodes, each averaged over the seeds that both groups have.

    None where they share no seed, or a run stored no episodes or other ones.
    """
    seeds = {run.seed for run in a.finished} & {run.seed for run in b.finished}
    tables = [[read_episodes(run) for run in g.finished if run.seed in seeds] for g in (a, b)]
    stored = [[table for table in side if table] for side in tables]
    if not seeds or stored != tables or len({frozenset(table) for side in stored for table in side}) != 1:
        return None
    numbers = sorted(stored[0][0])
    means = [np.mean([[table[number] for number in numbers] for table in side], axis=0) for side in stored]
    return paired(*(means if a.decides.higher else reversed(means)))
