"""What a picture says of its numbers: over how many seeds, and what the intervals are."""

from collections.abc import Sequence

from metassl.reports.sweeps.seed_groups import SeedGroup


def seeds_of(groups: Sequence[SeedGroup]) -> str:
    """How many seeds the groups have, such as '3' or '1 to 3'."""
    counts = sorted({len(group.finished) for group in groups if group.finished})
    return f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else str(counts[0])


def interval_words(groups: Sequence[SeedGroup]) -> str:
    """Such as 'mean over n = 3 seeds, ± 95% interval (Student's t over seeds)'."""
    counts = {len(group.finished) for group in groups if group.finished}
    if counts == {1}:
        return "one seed, n = 1: ± 95% interval over its test episodes"
    words = f"mean over n = {seeds_of(groups)} seeds, ± 95% interval (Student's t over seeds"
    return f"{words}; of one seed over its test episodes)" if 1 in counts else f"{words})"
