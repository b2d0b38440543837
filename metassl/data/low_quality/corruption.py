"""Damages inputs of episodes: a pure function of (seed, split, episode, part), whatever the severity.

Legend: T tasks, n inputs of a part.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from metassl.data.drawing.random_numbers import RandomNumbers
from metassl.data.low_quality.kinds import KINDS, Kind
from metassl.data.low_quality.quality import NONE, QUERY, SUPPORT, UNLABELLED, Quality
from metassl.errors import ConfigError, one_of

OUTER = "outer"  # the outer loss's own unlabelled inputs, which are damaged where the others are
SEVERITY = 1000  # lane of uniform numbers
LANES = {SUPPORT: 1001, QUERY: 1002, UNLABELLED: 1003, OUTER: 1004}  # of generators
KEY = "episode.corruption"


class Corruption:
    """Damages what the episodes of a split are made of, part by part.

    Random numbers are of lanes of their own, so that the draw of an episode and its views stay what they are,
    and an input is damaged in the same way, only more, at a higher severity. Views are made of what is
    damaged. Where U is Q, U is what Q is, whatever is asked for of U.

    Args:
        quality: kind, severity (of a range each episode draws its own) and parts.
        transductive: whether U is Q.
        seed, split: of the episodes.
    """

    def __init__(self, quality: Quality, transductive: bool, seed: int, split: str) -> None:
        self.kind: Kind = KINDS[quality.corruption]
        self.severity, self.seed, self.split = quality.severity, seed, split
        of_unlabelled = QUERY if transductive else UNLABELLED
        lanes = {SUPPORT: SUPPORT, QUERY: QUERY, UNLABELLED: of_unlabelled}
        self.lanes = {part: LANES[lane] for part, lane in lanes.items() if lane in quality.parts}
        if of_unlabelled in quality.parts:
            self.lanes[OUTER] = LANES[QUERY if transductive else OUTER]

    def __call__(self, x: Tensor, part: str, episodes: Sequence[int] | range) -> Tensor:
        """[T, n, ...] damaged inputs of a part of these episodes; x itself where it is to stay as it is."""
        if part not in self.lanes or not x.shape[1]:
            return x
        numbers = RandomNumbers(self.seed, self.split, episodes)
        severity = self.severity.within(numbers.uniform(SEVERITY, 1))
        shape, lane = tuple(x.shape[2:]), self.lanes[part]
        drawn = [self.kind.draw(numbers.generator(lane, t), x.shape[1], shape) for t in range(len(x))]
        each = torch.from_numpy(severity.astype(np.float32)).expand(x.shape[:2]).flatten()
        made = self.kind.apply(x.flatten(0, 1), torch.from_numpy(np.concatenate(drawn)), each)
        return torch.empty_like(x).copy_(made.view(x.shape))  # channels last in memory, where x is so


def corruption_of(
    quality: Quality, shape: tuple[int, ...], transductive: bool, seed: int, split: str
) -> Corruption | None:
    """What damages inputs of this shape, None for nothing. Raises ConfigError where it can't be."""
    if not quality.damaged:
        return None
    allowed = {name: kind for name, kind in KINDS.items() if len(shape) == 3 or not kind.pictures_only}
    if quality.corruption not in KINDS:
        raise ConfigError(one_of(KEY, quality.corruption, (NONE, *KINDS)))
    if quality.corruption not in allowed:
        raise ConfigError(
            f"{KEY}: found {quality.corruption}, which is for pictures, and inputs of shape {shape}; allowed "
            f"with these: {', '.join((NONE, *allowed))}."
        )
    return Corruption(quality, transductive, seed, split)
