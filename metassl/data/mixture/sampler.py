"""Draws a family, then an episode within it.

Legend: T tasks, F families, N way.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from metassl.data.drawing.draw import Draw
from metassl.data.drawing.random_numbers import RandomNumbers
from metassl.data.sampler import EpisodeSampler

FAMILY = 9  # a lane of its own, after those of EpisodeSampler


@dataclass(frozen=True)
class Family:
    """One data set under one style.

    Attributes:
        sampler: of episodes of its classes alone.
        first_class: number of its first class among those of all data sets in the split.
        weight: how often it is drawn, in any unit.
    """

    sampler: EpisodeSampler
    first_class: int
    weight: float = 1.0


class MixtureSampler:
    """Draws each episode from one family: all its classes, distractors too, are of one data set and style.

    The family of episode i is a function of (seed, split, i), as all else is.

    Args:
        families: F, whose samplers are of one make-up, split and seed.
    """

    def __init__(self, families: Sequence[Family]) -> None:
        self.families = families
        self.seed, self.split = families[0].sampler.seed, families[0].sampler.split
        shares = np.cumsum([family.weight for family in families])
        self._edges = shares[:-1] / shares[-1]

    @property
    def padded(self) -> bool:
        """Whether episodes differ in way or shot, so that some places are padding."""
        return self.families[0].sampler.padded

    @property
    def count(self) -> int:
        """Pictures of the split, under all styles."""
        return sum(family.sampler.count for family in self.families)

    def __call__(self, episodes: Sequence[int] | range) -> Draw:
        """The draw of the episodes with these numbers."""
        u = RandomNumbers(self.seed, self.split, episodes).uniform(FAMILY, 1)[:, 0]
        number, family = np.asarray(episodes, np.int64), np.searchsorted(self._edges, u, side="right")
        there = [(f, np.flatnonzero(family == f)) for f in np.unique(family)]
        drawn = [self._within(self.families[f], number[places]) for f, places in there]
        order = np.argsort(np.concatenate([places for _, places in there]))
        merged = _in_order(drawn, order)
        return Draw(**merged, family=family)

    def _within(self, family: Family, episodes: np.ndarray) -> dict[str, Any]:
        """The draw of one family, with its classes numbered among those of all.

        Beyond training such a number would only tell the family, and is the place in the task.
        """
        draw = family.sampler(episodes)
        found = {field.name: getattr(draw, field.name) for field in fields(draw)}
        places = np.broadcast_to(np.arange(draw.classes.shape[1]), draw.classes.shape)
        training = self.split == "train"
        return found | {"classes": draw.classes + family.first_class if training else places}


def _in_order(drawn: Sequence[dict[str, Any]], order: np.ndarray) -> dict[str, Any]:
    """Draws of some families as one, whose row t is row order[t] of them one after the other."""
    generators = [generator for each in drawn for generator in each.pop("generators")]
    names = [name for name in drawn[0] if name not in ("items", "family", "support_true")]
    merged = {name: np.concatenate([each[name] for each in drawn])[order] for name in names}
    return merged | {"generators": [generators[place] for place in order]}
